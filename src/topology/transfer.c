/* The transfers of a topology file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/names.h"
#include "topology/path.h"
#include "topology/units.h"

#define DEFAULT_PORT 10000
#define NO_PORT	     0
#define MIN_RATE     1000ULL /* bits per second */
#define MAX_RATE     1000000000000ULL
#define MAX_WORKERS  256

/* ---- between which nodes ---- */

static void set_from(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct transfer *tr = object;

	(void)n;
	tr->from = build_find_node(b, &values[0]);
}

/* A node that is refused something may be a router on the way. */
static bool anything_doubtful(const struct builder *b)
{
	for (size_t i = 0; i < b->t->n_nodes; i++)
		if (b->doubtful[i])
			return true;
	return false;
}

void build_check_path(struct builder *b, size_t from, size_t to, const struct value *v)
{
	const struct topology *t = b->t;
	const char *name = t->nodes[from].name;
	bool routed = t->nodes[from].n_routes > 0;
	const struct interface *iface = topology_interface(t, to, from);

	if (b->doubtful[from] || b->doubtful[to] || (routed && anything_doubtful(b)) ||
	    path_address(t, to, from) != NULL)
		return;
	if (iface == NULL && routed)
		build_refuse(b, v, "is not where the routes of '%s' lead", name);
	else if (iface == NULL)
		build_refuse(b, v, "has no network in common with '%s'", name);
	else
		build_refuse(b, v, "has no address in a subnet of '%s' on network '%s'", name,
			     t->networks[iface->network].name);
}

static bool has_receiver(const struct transfer *tr, size_t node)
{
	for (size_t i = 0; i < tr->n_to; i++)
		if (tr->to[i] == node)
			return true;
	return false;
}

static void set_to(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct transfer *tr = object;

	tr->to = array_new(n, sizeof(*tr->to));
	for (size_t i = 0; i < n; i++) {
		size_t node = build_find_node(b, &values[i]);

		if (node == NOT_RESOLVED)
			continue;
		if (node == tr->from)
			build_refuse(b, &values[i], "is the sender itself");
		else if (has_receiver(tr, node))
			build_refuse(b, &values[i], "is given twice");
		else if (tr->from != NOT_RESOLVED)
			build_check_path(b, tr->from, node, &values[i]);
		if (!has_receiver(tr, node))
			tr->to[tr->n_to++] = node;
	}
}

static void set_port(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct transfer *tr = object;
	uint64_t port;
	struct err why;

	(void)n;
	tr->port = NO_PORT;
	if (unit_count(values[0].text, 1, UINT16_MAX, &port, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else
		tr->port = (uint16_t)port;
}

/* ---- which files ---- */

static int check_file(const char *path, uint64_t *ret_size, struct err *e)
{
	struct stat st;

	/* Not opened before it is known to be a file: a FIFO would wait for a writer. */
	if (stat(path, &st) != 0)
		return err_set(e, errno, "cannot be read");
	if (!S_ISREG(st.st_mode))
		return err_usage(e, "is %s, not a regular file",
				 S_ISDIR(st.st_mode) ? "a folder" : "something else");

	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set(e, errno, "cannot be read");
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static bool has_file(const struct transfer *tr, const char *name)
{
	for (size_t i = 0; i < tr->n_files; i++)
		if (strcmp(tr->files[i].name, name) == 0)
			return true;
	return false;
}

static void add_file(struct builder *b, struct transfer *tr, const struct value *v)
{
	const char *name = fs_basename(v->text);
	cleanup_free char *path = build_path(b, v->text);
	uint64_t size = 0;
	struct err why;

	if (*name != '\0' && name_check_file(name, &why) != 0)
		build_refuse(b, v, "%s", why.msg);
	else if (check_file(path, &size, &why) != 0)
		build_refuse(b, v, "%s%s%s%s", why.msg, *b->folder != '\0' ? " (" : "",
			     *b->folder != '\0' ? path : "", *b->folder != '\0' ? ")" : "");
	else if (has_file(tr, name))
		build_refuse(b, v, "has the name of another file of this transfer: '%s'", name);
	else
		tr->files[tr->n_files++] = (struct transfer_file){ text_dup(name), take_ptr(path),
								   size };
}

static void set_files(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct transfer *tr = object;

	tr->files = array_new(n, sizeof(*tr->files));
	for (size_t i = 0; i < n; i++)
		add_file(b, tr, &values[i]);
}

/* ---- how ---- */

static void set_mode(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct transfer *tr = object;
	int mode = build_choose(b, &values[0], transfer_mode_names, N_MODES);

	(void)n;
	if (mode >= 0)
		tr->mode = (enum transfer_mode)mode;
}

static void set_format(struct builder *b, void *object, const struct value *values, size_t n)
{
	static const char *const words[] = {
		[FORMAT_RELIABLE] = "reliable",
		[FORMAT_RAW] = "raw",
	};
	struct transfer *tr = object;
	int format = build_choose(b, &values[0], words, N_ELEMENTS(words));

	(void)n;
	if (format >= 0)
		tr->format = (enum transfer_format)format;
}

static void set_broadcast(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &((struct transfer *)object)->broadcast, &values[0]);
}

static void set_shared_socket(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &((struct transfer *)object)->shared_socket, &values[0]);
}

static void set_workers(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct transfer *tr = object;
	uint64_t workers;
	struct err why;

	(void)n;
	if (unit_count(values[0].text, 1, MAX_WORKERS, &workers, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else
		tr->workers = (unsigned)workers;
}

static void set_rate(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct transfer *tr = object;
	struct err why;

	(void)n;
	if (unit_rate(values[0].text, &tr->rate_bps, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (tr->rate_bps < MIN_RATE || tr->rate_bps > MAX_RATE)
		build_refuse(b, &values[0], "is out of range: 1kbit to 1000gbit");
}

static void set_sender(struct builder *b, void *object, const struct value *values, size_t n)
{
	((struct transfer *)object)->sender = build_command(b, values, n);
}

static void set_receiver(struct builder *b, void *object, const struct value *values, size_t n)
{
	((struct transfer *)object)->receiver = build_command(b, values, n);
}

/* ---- the whole block ---- */

static void *begin_transfer(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;
	struct transfer *tr = &t->transfers[t->n_transfers];
	struct err why;

	*tr = (struct transfer){ .name = text_dup(s->title),
				 .from = NOT_RESOLVED,
				 .port = DEFAULT_PORT,
				 .line = build_line(b, s->at) };
	if (name_check_word(s->title, &why) != 0)
		problem_add(b->problems, s->at, "transfer '%s' %s", s->title, why.msg);
	for (size_t i = 0; i < t->n_transfers; i++)
		if (strcmp(t->transfers[i].name, tr->name) == 0)
			problem_add(b->problems, s->at,
				    "transfer '%s' is there twice (first in line %d)", tr->name,
				    t->transfers[i].line);
	for (size_t i = 0; i < t->n_commands; i++)
		if (strcmp(t->commands[i].name, tr->name) == 0)
			problem_add(b->problems, s->at,
				    "transfer '%s' has a name that is taken (line %d)", tr->name,
				    t->commands[i].line);
	t->n_transfers++;
	return tr;
}

static void check_format(struct builder *b, const struct transfer *tr, const struct section *s)
{
	if (tr->format == FORMAT_RAW)
		return;
	if (tr->broadcast)
		build_complain(b, s, "broadcast", "broadcast goes with format = raw only");
	if (tr->shared_socket)
		build_complain(b, s, "shared-socket", "shared-socket goes with format = raw only");
}

/* One datagram reaches all receivers only if one broadcast address does. */
static void check_broadcast(struct builder *b, const struct transfer *tr, const struct section *s)
{
	const struct topology *t = b->t;
	const struct address *first = NULL;

	for (size_t i = 0; i < tr->n_to; i++) {
		const struct address *a = topology_address(t, tr->to[i], tr->from, AF_INET);
		const char *name = t->nodes[tr->to[i]].name;

		if (a == NULL)
			build_complain(b, s, "broadcast",
				       "broadcast needs IPv4, and '%s' has no such address there",
				       name);
		else if (path_length(t, tr->from, a) != 0)
			build_complain(b, s, "broadcast",
				       "broadcast does not pass routers, and '%s' is behind one",
				       name);
		else if (a->prefix_len > 30)
			build_complain(b, s, "broadcast",
				       "broadcast needs a subnet with a broadcast address, and the "
				       "/%u of '%s' has none",
				       a->prefix_len, name);
		else if (first != NULL && !address_same_subnet(first, a))
			build_complain(b, s, "broadcast",
				       "broadcast reaches one subnet only, and '%s' and '%s' are "
				       "in different ones",
				       t->nodes[tr->to[0]].name, name);
		if (first == NULL)
			first = a;
	}
}

static void check_port(struct builder *b, const struct transfer *tr, const struct section *s)
{
	for (const struct transfer *other = b->t->transfers; other < tr; other++)
		for (size_t i = 0; other->port == tr->port && i < tr->n_to; i++)
			if (tr->port != NO_PORT && has_receiver(other, tr->to[i]))
				build_complain(b, s, "port",
					       "port '%u' of node '%s' is taken by transfer '%s' "
					       "(line %d)",
					       tr->port, b->t->nodes[tr->to[i]].name, other->name,
					       other->line);
}

static void end_transfer(struct builder *b, void *object, const struct section *s)
{
	const struct transfer *tr = object;

	check_format(b, tr, s);
	if (tr->broadcast && tr->from != NOT_RESOLVED)
		check_broadcast(b, tr, s);
	check_port(b, tr, s);
}

/* from before to: receivers are judged by the sender. */
static const struct key transfer_keys[] = {
	{ "from", false, true, set_from },
	{ "to", true, true, set_to },
	{ "port", false, false, set_port },
	{ "files", true, true, set_files },
	{ "mode", false, false, set_mode },
	{ "format", false, false, set_format },
	{ "broadcast", false, false, set_broadcast },
	{ "shared-socket", false, false, set_shared_socket },
	{ "workers", false, false, set_workers },
	{ "rate", false, false, set_rate },
	{ "sender", true, false, set_sender },
	{ "receiver", true, false, set_receiver },
};

const struct section_kind grammar_transfer = {
	.name = "transfer",
	.named = true,
	.phase = PHASE_REST,
	.keys = transfer_keys,
	.n_keys = N_ELEMENTS(transfer_keys),
	.begin = begin_transfer,
	.end = end_transfer,
};
