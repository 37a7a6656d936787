#include "verify/link_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "verify/verdict.h"

#define NAME   "links.tsv"
#define BUFFER ((size_t)256 << 10)

struct link_table {
	FILE *file;
	char **flows; /* "alpine-1/eth0<tab>out<tab>udp ..." by the number of the flow */
	size_t n_flows;
};

int link_table_open(const char *folder, struct link_table **ret_table, struct err *e)
{
	cleanup_free char *path = text_format("%s/%s", folder, NAME);
	struct link_table *t = array_new(1, sizeof(*t));

	t->file = fopen(path, "we");
	if (t->file == NULL) {
		free(t);
		return err_set(e, errno, "create %s", path);
	}
	setvbuf(t->file, NULL, _IOFBF, BUFFER);
	fputs("time\tlink\tdirection\tflow\tnumber\tlength\tfate\tcause\tdraw\theld_ns\n", t->file);
	*ret_table = t;
	return 0;
}

/* ---- a row, by hand: printf(3) takes ten times as long, and there may be millions ---- */

struct row {
	char *at;
};

/* With zeros in front to make this many digits. */
static void put_number(struct row *r, uint64_t n, size_t digits)
{
	char buf[20], *at = buf + sizeof(buf);

	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0 || (size_t)(buf + sizeof(buf) - at) < digits);

	size_t len = (size_t)(buf + sizeof(buf) - at);

	memcpy(r->at, at, len);
	r->at += len;
}

static void put_text(struct row *r, const char *s)
{
	size_t len = strlen(s);

	memcpy(r->at, s, len);
	r->at += len;
}

static void put_fate(struct row *r, const struct link_frame *f)
{
	put_text(r, f->cause != CAUSE_NONE ? "\tlost" : "\tpassed");
	if (f->due_again_ns != 0)
		put_text(r, ",duplicated");
	if (f->flipped != 0)
		put_text(r, ",corrupted");
	if (f->reordered)
		put_text(r, ",reordered");
	put_text(r, "\t");
	put_text(r, f->cause != CAUSE_NONE ? link_cause_name((enum link_cause)f->cause) : "-");
}

/* Nine digits: more than any probability that a topology file gives. */
static void put_draw(struct row *r, double draw)
{
	if (!(draw >= 0 && draw <= 1)) {
		put_text(r, "\t-\t");
		return;
	}

	uint64_t parts = (uint64_t)(draw * 1e9);

	put_text(r, "\t");
	put_number(r, parts / 1000000000, 1);
	put_text(r, ".");
	put_number(r, parts % 1000000000, 9);
	put_text(r, "\t");
}

static const char *flow_text(struct link_table *t, const struct evidence *ev,
			     const struct link_flow *flow, uint32_t number)
{
	if (number >= t->n_flows) {
		size_t n = (size_t)number * 2 + 64;

		t->flows = reallocarray(t->flows, n, sizeof(*t->flows));
		if (t->flows == NULL)
			abort();
		memset(t->flows + t->n_flows, 0, (n - t->n_flows) * sizeof(*t->flows));
		t->n_flows = n;
	}
	if (t->flows[number] == NULL) {
		cleanup_free char *name = link_flow_format(flow);

		t->flows[number] = text_format("\t%s\t%s\t%s\t", ev->links[flow->link].name,
					       direction_name((enum direction)flow->direction),
					       name);
	}
	return t->flows[number];
}

void link_table_add(struct link_table *t, const struct evidence *ev, const struct link_flow *flow,
		    const struct link_frame *f)
{
	char buf[256];
	struct row r = { buf };

	put_number(&r, f->arrived_ns / NS_PER_SEC, 1);
	put_text(&r, ".");
	put_number(&r, f->arrived_ns % NS_PER_SEC, 9);
	fwrite(buf, 1, (size_t)(r.at - buf), t->file);
	fputs(flow_text(t, ev, flow, f->flow), t->file);
	r.at = buf;
	put_number(&r, f->number, 1);
	put_text(&r, "\t");
	put_number(&r, f->len, 1);
	put_fate(&r, f);
	put_draw(&r, f->draw);
	if (f->cause == CAUSE_NONE && f->due_ns >= f->arrived_ns)
		put_number(&r, f->due_ns - f->arrived_ns, 1);
	else
		put_text(&r, "-");
	put_text(&r, "\n");
	fwrite(buf, 1, (size_t)(r.at - buf), t->file);
}

int link_table_close(struct link_table *t, struct err *e)
{
	int failed = ferror(t->file), num = errno;
	FILE *file = take_ptr(t->file);

	if (fclose(file) != 0) {
		failed = 1;
		num = errno;
	}
	link_table_freep(&t);
	return failed != 0 ? err_set(e, num, "write %s", NAME) : 0;
}

void link_table_freep(struct link_table **t)
{
	if (*t == NULL)
		return;
	if ((*t)->file != NULL)
		fclose((*t)->file);
	for (size_t i = 0; i < (*t)->n_flows; i++)
		free((*t)->flows[i]);
	free((*t)->flows);
	free(*t);
	*t = NULL;
}
