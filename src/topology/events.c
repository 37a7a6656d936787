/* The events that the `order` of an expectation lists: "server ready", "fault cut". */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/describe.h"

static const char *const kind_names[N_EVENT_KINDS] = {
	[EVENT_STARTED] = "started", [EVENT_READY] = "ready", [EVENT_ENDED] = "ended",
	[EVENT_OUTPUT] = "output",   [EVENT_FAULT] = NULL,
};

static bool find_fault(const struct builder *b, const char *name, size_t *ret_index)
{
	for (size_t i = 0; i < b->t->n_faults; i++)
		if (strcmp(b->t->faults[i].name, name) == 0) {
			*ret_index = i;
			return true;
		}
	return false;
}

static bool find_actor(struct builder *b, struct event *ev, struct nearest *near)
{
	ev->index = nearest_find(near, b->t->commands, b->t->n_commands);
	if (ev->index != NOT_RESOLVED)
		return true;
	ev->index = nearest_find(near, b->t->transfers, b->t->n_transfers);
	ev->of_transfer = ev->index != NOT_RESOLVED;
	return ev->of_transfer;
}

/* "started", "output GET /": NULL behind what it names, when it names nothing. */
static const char *read_kind(const char *s, enum event_kind *ret_kind)
{
	size_t len = strcspn(s, " \t");

	for (size_t k = 0; k < EVENT_FAULT; k++)
		if (strlen(kind_names[k]) == len && strncmp(s, kind_names[k], len) == 0) {
			*ret_kind = (enum event_kind)k;
			return s + len + strspn(s + len, " \t");
		}
	return NULL;
}

static bool read_output(struct builder *b, const char *rest, const struct value *v,
			struct event *ev)
{
	const struct value expression = { text_dup(rest), v->at };
	bool good = false;

	if (ev->of_transfer)
		build_refuse(b, v, "names a transfer: output is of programs");
	else if (*rest == '\0')
		build_refuse(b, v, "has no expression: write PROGRAM output 'EXPRESSION'");
	else
		good = build_check_pattern(b, &expression);
	if (good)
		ev->text = expression.text;
	else
		free(expression.text);
	return good;
}

static bool read_actor(struct builder *b, const struct value *v, const char *name, const char *rest,
		       struct event *ev)
{
	struct nearest near = { .word = name };
	const char *behind = read_kind(rest, &ev->kind);

	if (!find_actor(b, ev, &near)) {
		build_refuse(b, v, "begins with no program or transfer of this file%s",
			     nearest_hint(&near));
		return false;
	}
	if (behind == NULL || (ev->kind != EVENT_OUTPUT && *behind != '\0')) {
		build_refuse(b, v,
			     "is no event: write %s started, ready, ended or output "
			     "'EXPRESSION'",
			     name);
		return false;
	}
	if (ev->kind == EVENT_READY && !ev->of_transfer &&
	    !command_is_server(&b->t->commands[ev->index])) {
		build_refuse(b, v, "never comes: only a server is ready");
		return false;
	}
	return ev->kind != EVENT_OUTPUT || read_output(b, behind, v, ev);
}

static bool read_event(struct builder *b, const struct value *v, struct event *ev)
{
	size_t len = strcspn(v->text, " \t");
	cleanup_free char *name = text_format("%.*s", (int)len, v->text);
	const char *rest = v->text + len + strspn(v->text + len, " \t");
	struct nearest near = { .word = name };
	struct event probe = { 0 };

	/* A program may be called "fault" as well. */
	if (strcmp(name, "fault") != 0 || find_actor(b, &probe, &near))
		return read_actor(b, v, name, rest, ev);
	ev->kind = EVENT_FAULT;
	if (find_fault(b, rest, &ev->index))
		return true;
	build_refuse(b, v, "is no fault of this file");
	return false;
}

void events_fill(struct builder *b, struct expectation *e, const struct value *values, size_t n)
{
	e->events = array_new(n, sizeof(*e->events));
	for (size_t i = 0; i < n; i++) {
		struct event ev = { 0 };

		if (read_event(b, &values[i], &ev))
			e->events[e->n_events++] = ev;
	}
	if (b->n_given < 2)
		build_refuse(b, &values[0], "is one event: an order is of two or more");
}

char *event_format(const struct topology *t, const struct event *ev)
{
	const char *name;

	if (ev->kind == EVENT_FAULT)
		return text_format("fault %s", t->faults[ev->index].name);
	name = ev->of_transfer ? t->transfers[ev->index].name : t->commands[ev->index].name;
	return text_format("%s %s%s%s", name, kind_names[ev->kind], ev->text != NULL ? " " : "",
			   ev->text != NULL ? ev->text : "");
}
