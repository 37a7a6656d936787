#include "verify/reports.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"

#define MAX_REPORT (64u << 20) /* bytes */

struct reports {
	json_t **of_program; /* NULL: none that can be read */
	size_t n;
};

struct reports *reports_read(const struct trial *t)
{
	struct reports *r = array_new(1, sizeof(*r));

	r->n = t->evidence->n_programs;
	r->of_program = array_new(r->n, sizeof(json_t *));
	for (size_t i = 0; i < r->n; i++) {
		const char *name = t->evidence->programs[i].report;
		cleanup_free char *path = text_format("%s/%s", t->folder, name);
		cleanup_free char *text = NULL;
		struct err ignored;
		size_t len = 0;

		if (name[0] != '\0' && fs_read(path, MAX_REPORT, &text, &len, &ignored) == 0)
			r->of_program[i] = json_loadb(text, len, 0, NULL);
	}
	return r;
}

/* The report of the program on this side of the delivery. */
static const json_t *report_of(const struct reports *r, const struct trial *t,
			       const struct delivery *d, enum side side)
{
	enum program_role role = side == AT_SENDER ? ROLE_SENDER : ROLE_RECEIVER;

	for (size_t i = 0; i < r->n; i++) {
		const struct program_evidence *p = &t->evidence->programs[i];

		if (p->role == role && p->transfer == d->transfer &&
		    p->node == trial_side_node(t, d, side))
			return r->of_program[i];
	}
	return NULL;
}

/* Whether an address as text is one of the node's. */
static bool is_node(const struct trial *t, size_t node, const char *text)
{
	struct address a = { .family = AF_INET };

	if (inet_pton(AF_INET, text, &a.v4) != 1) {
		a.family = AF_INET6;
		if (inet_pton(AF_INET6, text, &a.v6) != 1)
			return false;
	}

	struct ip_address ip = ip_address_of(&a);

	return trial_node_of(t, &ip) == node;
}

static bool is_about(const struct trial *t, const struct delivery *d, enum side side,
		     const json_t *entry)
{
	const char *file = json_string_value(json_object_get(entry, "file"));
	const char *peer = json_string_value(
		json_object_get(entry, side == AT_SENDER ? "to" : "from"));
	enum side other = side == AT_SENDER ? AT_RECEIVER : AT_SENDER;

	return file != NULL && peer != NULL && strcmp(file, d->verdict->file) == 0 &&
	       is_node(t, trial_side_node(t, d, other), peer);
}

/* The last entry about the file: the one of the last attempt. */
static const json_t *find_entry(const struct reports *r, const struct trial *t,
				const struct delivery *d, enum side side)
{
	const json_t *list = json_object_get(report_of(r, t, d, side), "transfers");

	for (size_t i = json_array_size(list); i-- > 0;)
		if (is_about(t, d, side, json_array_get(list, i)))
			return json_array_get(list, i);
	return NULL;
}

const char *reports_error(const struct reports *r, const struct trial *t, const struct delivery *d,
			  enum side side)
{
	return json_string_value(json_object_get(find_entry(r, t, d, side), "error"));
}

bool reports_times(const struct reports *r, const struct trial *t, const struct delivery *d,
		   uint64_t *ret_started_ns, uint64_t *ret_ended_ns)
{
	const json_t *entry = find_entry(r, t, d, AT_SENDER);
	json_int_t started = json_integer_value(json_object_get(entry, "started_real_ns"));
	json_int_t ended = json_integer_value(json_object_get(entry, "ended_real_ns"));

	if (started <= 0 || ended < started)
		return false;
	*ret_started_ns = (uint64_t)started;
	*ret_ended_ns = (uint64_t)ended;
	return true;
}

void reports_freep(struct reports **r)
{
	if (*r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n; i++)
		json_decref((*r)->of_program[i]);
	free((*r)->of_program);
	free(*r);
	*r = NULL;
}
