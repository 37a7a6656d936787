/* What a topology file says of the session as a whole: its own keys, `vary` and `capture`. */
#include <limits.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/units.h"

#define DEFAULT_SEED	 1
#define DEFAULT_DEADLINE (60 * NS_PER_SEC)
#define MIN_DEADLINE	 (10 * NS_PER_MS)
#define MAX_DEADLINE	 (24 * 3600 * NS_PER_SEC)

/* Ethernet, IPv4 or IPv6, UDP, and the protocol's header with room to spare. */
#define HEADERS_SNAPLEN 128
#define MIN_SNAPLEN	64
/* The most that Wireshark and tcpdump take. */
#define MAX_SNAPLEN 262144

#define MIN_BUFFER 4096
/* pcap_set_buffer_size(3) takes an int. */
#define MAX_BUFFER (INT_MAX / 2 + 1)

/* ---- the file ---- */

static void set_title(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct topology *t = object;

	(void)b;
	(void)n;
	t->title = text_dup(values[0].text);
}

static void set_seed(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct topology *t = object;
	struct err why;

	(void)n;
	if (unit_count(values[0].text, 0, UINT64_MAX, &t->seed, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
}

static void set_deadline(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct topology *t = object;
	struct err why;

	(void)n;
	if (unit_duration(values[0].text, &t->deadline_ns, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (t->deadline_ns < MIN_DEADLINE || t->deadline_ns > MAX_DEADLINE)
		build_refuse(b, &values[0], "is out of range: 10ms to 24h");
}

static void *begin_top(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = b->t;
	size_t n_networks = build_count(b, s, &grammar_hub) + build_count(b, s, &grammar_switch);
	size_t n_nodes = build_count(b, s, &grammar_node);

	(void)parent;
	t->seed = DEFAULT_SEED;
	t->deadline_ns = DEFAULT_DEADLINE;
	t->capture.snaplen = MAX_SNAPLEN;
	t->networks = array_new(n_networks, sizeof(*t->networks));
	t->nodes = array_new(n_nodes, sizeof(*t->nodes));
	t->transfers = array_new(build_count(b, s, &grammar_transfer), sizeof(*t->transfers));
	t->commands = array_new(build_count(b, s, &grammar_program), sizeof(*t->commands));
	t->faults = array_new(build_count(b, s, &grammar_fault), sizeof(*t->faults));
	t->metrics = array_new(build_count(b, s, &grammar_metric), sizeof(*t->metrics));
	t->expectations = array_new(build_count(b, s, &grammar_expect), sizeof(*t->expectations));
	if (n_nodes == 0)
		problem_add(b->problems, s->at, "there is no node: a topology has at least one");
	return t;
}

static const struct key top_keys[] = {
	{ "title", false, false, set_title },
	{ "seed", false, false, set_seed },
	{ "deadline", false, false, set_deadline },
};

static const struct section_kind *const top_children[] = {
	&grammar_hub,	  &grammar_switch,   &grammar_node,    &grammar_vary,
	&grammar_exclude, &grammar_transfer, &grammar_program, &grammar_fault,
	&grammar_capture, &grammar_metric,   &grammar_expect,
};

const struct section_kind grammar_top = {
	.name = "file",
	.keys = top_keys,
	.n_keys = N_ELEMENTS(top_keys),
	.children = top_children,
	.n_children = N_ELEMENTS(top_children),
	.begin = begin_top,
};

/* ---- vary and exclude: matrix.c and exclude.c read them before anything is built ---- */

static const struct key vary_keys[] = {
	{ "values", true, true, NULL },
};

/* NAME = VALUES in exclude { }. */
const struct section_kind grammar_match = {
	.name = "match",
	.named = true,
	.keys = vary_keys,
	.n_keys = N_ELEMENTS(vary_keys),
};

static const struct section_kind *const exclude_children[] = { &grammar_match };

const struct section_kind grammar_exclude = {
	.name = "exclude",
	.children = exclude_children,
	.n_children = N_ELEMENTS(exclude_children),
	.any = &grammar_match,
};

const struct section_kind grammar_vary = {
	.name = "vary",
	.named = true,
	.keys = vary_keys,
	.n_keys = N_ELEMENTS(vary_keys),
};

/* ---- capture ---- */

static void set_packets(struct builder *b, void *object, const struct value *values, size_t n)
{
	static const char *const words[] = {
		[CAPTURE_FULL] = "full",
		[CAPTURE_HEADERS] = "headers",
		[CAPTURE_OFF] = "off",
	};
	struct capture_settings *c = object;
	int kind = build_choose(b, &values[0], words, N_ELEMENTS(words));

	(void)n;
	if (kind >= 0)
		c->kind = (enum capture_kind)kind;
	if (c->kind == CAPTURE_HEADERS)
		c->snaplen = HEADERS_SNAPLEN;
}

static void set_snaplen(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct capture_settings *c = object;
	uint64_t bytes;
	struct err why;

	(void)n;
	if (unit_count(values[0].text, MIN_SNAPLEN, MAX_SNAPLEN, &bytes, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (c->kind != CAPTURE_HEADERS)
		build_refuse(b, &values[0], "goes with packets = headers only");
	else
		c->snaplen = (unsigned)bytes;
}

static void set_filter(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct capture_settings *c = object;

	(void)b;
	(void)n;
	free(c->filter);
	c->filter = text_dup(values[0].text);
}

static void set_buffer(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct capture_settings *c = object;
	uint64_t bytes;
	struct err why;

	(void)n;
	if (unit_size(values[0].text, &bytes, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (bytes < MIN_BUFFER || bytes > MAX_BUFFER)
		build_refuse(b, &values[0], "is out of range: 4KiB to 1GiB");
	else
		c->buffer = (size_t)bytes;
}

static void *begin_capture(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;

	build_check_once(b, s);
	return &t->capture;
}

/* In this order whatever the file's: snaplen is judged by packets. */
static const struct key capture_keys[] = {
	{ "packets", false, false, set_packets },
	{ "snaplen", false, false, set_snaplen },
	{ "filter", false, false, set_filter },
	{ "buffer", false, false, set_buffer },
};

const struct section_kind grammar_capture = {
	.name = "capture",
	.phase = PHASE_REST,
	.keys = capture_keys,
	.n_keys = N_ELEMENTS(capture_keys),
	.begin = begin_capture,
};
