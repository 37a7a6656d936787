#include "calibrate/stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "calibrate/lab.h"
#include "capture/pcapng.h"
#include "run/once.h"

#define ETHERNET 14
#define WORD	 8

/* ---- frames ---- */

/* "us" and 48 bits: what nodes/udp-stream writes into every 8 bytes. */
static bool read_word(const uint8_t *p, uint64_t *ret_number)
{
	*ret_number = 0;
	for (int i = 2; i < WORD; i++)
		*ret_number = *ret_number << 8 | p[i];
	return p[0] == 'u' && p[1] == 's';
}

/* The number that two words agree on: one bit of a damaged frame is wrong, not two words. */
static bool read_number(const uint8_t *payload, size_t len, uint64_t *ret_number)
{
	uint64_t a, b;

	for (size_t i = 0; i + WORD <= len; i += WORD)
		for (size_t k = i + WORD; read_word(payload + i, &a) && k + WORD <= len; k += WORD)
			if (read_word(payload + k, &b) && a == b) {
				*ret_number = a;
				return true;
			}
	return false;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const uint8_t *bytes, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * UINT64_C(1099511628211);
	return h;
}

/* Whatever its headers say now: they may be what was damaged. */
static bool read_frame(const struct packet *p, unsigned frame_len, struct seen *ret_seen)
{
	if (p->original_len != frame_len || p->captured_len < STREAM_HEADERS)
		return false;
	*ret_seen = (struct seen){ .time_ns = p->time_ns, .len = p->original_len };
	ret_seen->hash = hash_of(p->data + ETHERNET, p->captured_len - ETHERNET);
	return read_number(p->data + STREAM_HEADERS, p->captured_len - STREAM_HEADERS,
			   &ret_seen->number);
}

static int read_capture(const char *folder, const char *file, unsigned frame_len,
			struct seen_list *l, struct err *e)
{
	cleanup_free char *path = text_format("%s/%s", folder, file);
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;
	struct packet p;
	struct seen s;
	int more;

	if (pcapng_reader_open(path, &r, e) != 0)
		return -1;
	while ((more = pcapng_read(r, &p, e)) > 0)
		if (read_frame(&p, frame_len, &s))
			seen_add(l, &s);
	return more;
}

/* ---- the run ---- */

/* What would make the figures wrong. That files are missing, or datagrams lost, would not. */
static int check(const struct run_verdict *v, struct err *e)
{
	if (run_caught_signal() != 0)
		return err_set(e, 0, "interrupted");
	for (size_t i = 0; i < v->n_captures; i++)
		if (v->captures[i].outcome != OUTCOME_PASS)
			return err_set(e, 0, "capture %s: %s; a lower --pps may help",
				       v->captures[i].name, v->captures[i].reason);
	for (size_t i = 0; i < v->n_programs; i++)
		if (v->programs[i].outcome != OUTCOME_PASS)
			return err_set(e, 0, "%s: %s", v->programs[i].name, v->programs[i].reason);
	/* Of the link: at the node, and at its network, behind the two of the nodes. */
	if (v->n_captures != 3)
		return err_set(e, 0, "%s",
			       v->n_reasons != 0 ? v->reasons[0] : "nothing was recorded");
	return 0;
}

static int read_both(const struct stream_request *r, const struct run_verdict *v,
		     struct seen_list *entrance, struct seen_list *exit, struct err *e)
{
	const char *at_node = v->captures[0].file, *at_network = v->captures[2].file;
	bool out = r->direction == LINK_OUT;

	if (read_capture(r->folder, out ? at_node : at_network, r->plan.frame_len, entrance, e) !=
		    0 ||
	    read_capture(r->folder, out ? at_network : at_node, r->plan.frame_len, exit, e) != 0)
		return -1;
	return 0;
}

static char *engine_of(const struct run_verdict *v)
{
	for (size_t i = 0; i < v->ledger.n_links; i++)
		if (v->ledger.links[i].engine != NULL)
			return text_dup(v->ledger.links[i].engine);
	return NULL;
}

static void topology_freep(struct topology **t)
{
	topology_free(*t);
}

int stream_run(const struct stream_request *r, struct measured *ret_measured, char **ret_engine,
	       struct err *e)
{
	cleanup_by(topology_freep) struct topology *t = NULL;
	cleanup_by(run_verdict_done) struct run_verdict v = { 0 };
	cleanup_by(seen_done) struct seen_list entrance = { 0 };
	cleanup_by(seen_done) struct seen_list exit = { 0 };
	cleanup_free char *comment = text_format("calibrating %s", r->topology->path);

	if (calibration_lab(r, &t, e) != 0 ||
	    run_once(t, r->engine, r->folder, comment, &v, e) != 0)
		return -1;
	if (check(&v, e) != 0 || read_both(r, &v, &entrance, &exit, e) != 0 ||
	    fs_remove_tree(r->folder, e) != 0)
		return -1;
	measure(&entrance, &exit, r->early_ns, ret_measured);
	*ret_engine = engine_of(&v);
	return 0;
}
