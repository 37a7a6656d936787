#include "link/log.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "link/log_format.h"

struct log_reader {
	char *path;
	struct fs_map map;
	const struct log_record *next, *behind; /* behind the last whole record */
	bool cut;				/* the file ends before the log does */
	/* What the end says; of a log that was cut, 0. */
	uint64_t n_flows, n_frames;
	const struct log_record *given_up; /* the next one of the frames still to come */
	uint64_t frames_read;
	struct link_flow *flows;
	size_t flows_read, flows_room;
};

static int damaged(const struct log_reader *r, const char *what, struct err *e)
{
	return err_set(e, 0, "%s: not a whole link log: %s", r->path, what);
}

/* Those given up stand between the frames and the end. */
static int find_end(struct log_reader *r, struct err *e)
{
	const struct log_record *first = r->next, *end = r->behind - 1;

	r->given_up = r->behind;
	r->cut = r->cut || r->behind == first || end->kind != LOG_END;
	if (r->cut)
		return 0;

	uint64_t n = (uint64_t)(end - first);

	if (end->end.n_given_up > n || end->end.n_flows > n || end->end.n_frames > n ||
	    end->end.n_given_up + end->end.n_flows + end->end.n_frames != n)
		return damaged(r, "the counts at its end are wrong", e);
	r->n_flows = end->end.n_flows;
	r->n_frames = end->end.n_frames;
	r->given_up = end - end->end.n_given_up;
	return 0;
}

int log_reader_open(const char *path, struct log_reader **ret_reader, struct err *e)
{
	cleanup_by(log_reader_freep) struct log_reader *r = array_new(1, sizeof(*r));

	r->path = text_dup(path);
	if (fs_map_open(&r->map, path, e) != 0)
		return -1;

	size_t n = r->map.len / sizeof(struct log_record);

	r->next = (const void *)r->map.data;
	r->behind = r->next + n;
	r->cut = r->map.len % sizeof(struct log_record) != 0;
	if (n == 0 || r->next->kind != LOG_HEAD || r->next->magic != LOG_MAGIC)
		return damaged(r, "its first record is wrong", e);
	r->next++;
	if (find_end(r, e) != 0)
		return -1;
	*ret_reader = take_ptr(r);
	return 0;
}

/* What was decided was not what came: the machine stopped while the frame was held. */
static void apply_given_up(struct link_frame *f, uint8_t which)
{
	if ((which & GIVEN_UP_AGAIN) != 0)
		f->due_again_ns = 0;
	if ((which & GIVEN_UP_FIRST) != 0) {
		f->due_ns = f->due_again_ns;
		f->due_again_ns = 0;
	}
	if (f->due_ns == 0)
		f->cause = CAUSE_STOPPED;
}

static void unpack(const struct log_record *r, struct link_frame *ret)
{
	*ret = (struct link_frame){
		.arrived_ns = r->frame.arrived_ns,
		.due_ns = r->frame.due_ns,
		.due_again_ns = r->frame.due_again_ns,
		.hash_in = r->frame.hash_in,
		.hash_out = r->frame.hash_out,
		.number = r->frame.number,
		.draw = r->frame.draw,
		.flow = r->flow,
		.len = r->frame.len,
		.flipped = r->frame.flipped,
		.cause = r->cause,
		.reordered = r->reordered != 0,
	};
}

static int read_frame(struct log_reader *r, const struct log_record *record,
		      struct link_frame *ret_frame, struct err *e)
{
	uint64_t place = r->frames_read++;

	if (record->flow >= r->flows_read)
		return damaged(r, "a frame's flow was never described", e);
	if (record->cause >= N_CAUSES)
		return damaged(r, "a frame was lost for no known reason", e);
	unpack(record, ret_frame);
	if (!r->cut && r->given_up->kind == LOG_GIVEN_UP && r->given_up->place == place)
		apply_given_up(ret_frame, r->given_up++->given_up);
	return 1;
}

static int read_end(const struct log_reader *r, struct err *e)
{
	if (r->flows_read != r->n_flows || r->frames_read != r->n_frames)
		return damaged(r, "frames are missing", e);
	if (r->given_up->kind != LOG_END)
		return damaged(r, "a frame that is not there was given up", e);
	return 0;
}

int log_read(struct log_reader *r, struct link_frame *ret_frame, struct err *e)
{
	for (; r->next < r->behind; r->next++) {
		if (r->next->kind == LOG_FRAME)
			return read_frame(r, r->next++, ret_frame, e);
		if (r->next->kind != LOG_FLOW)
			break;

		struct link_flow *flow = array_add(&r->flows, &r->flows_read, &r->flows_room,
						   sizeof(*flow));

		*flow = r->next->description;
	}
	if (r->cut)
		return damaged(r, "it was cut short", e);
	return read_end(r, e);
}

const struct link_flow *log_flow(const struct log_reader *r, uint32_t number)
{
	return &r->flows[number];
}

void log_reader_freep(struct log_reader **r)
{
	if (*r == NULL)
		return;
	fs_map_close(&(*r)->map);
	free((*r)->path);
	free((*r)->flows);
	free(*r);
	*r = NULL;
}
