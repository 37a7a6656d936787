#include "link/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "link/log_format.h"

#define BUFFER (64 << 10)

struct given_up {
	uint64_t place;
	uint8_t which;
};

struct log_writer {
	char *path;
	int fd;
	bool failed;
	struct err error; /* the first one */
	uint64_t n_flows, n_frames;
	struct given_up *given_up;
	size_t n_given_up, given_up_room;
	size_t n; /* records in the buffer */
	struct log_record buffer[BUFFER / sizeof(struct log_record)];
};

static void flush(struct log_writer *w)
{
	size_t len = w->n * sizeof(w->buffer[0]);

	w->n = 0;
	if (!w->failed && fs_write_fd(w->fd, w->buffer, len, &w->error) != 0) {
		err_prefix(&w->error, "%s", w->path);
		w->failed = true;
	}
}

/* A new record, all zero. */
static struct log_record *add(struct log_writer *w, enum log_kind kind)
{
	if (w->n == sizeof(w->buffer) / sizeof(w->buffer[0]))
		flush(w);

	struct log_record *r = &w->buffer[w->n++];

	memset(r, 0, sizeof(*r));
	r->kind = (uint8_t)kind;
	return r;
}

int log_writer_open(const char *path, struct log_writer **ret_writer, struct err *e)
{
	cleanup_by(log_writer_freep) struct log_writer *w = array_new(1, sizeof(*w));

	w->path = text_dup(path);
	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w->fd < 0)
		return err_set(e, errno, "create %s", path);
	add(w, LOG_HEAD)->magic = LOG_MAGIC;
	*ret_writer = take_ptr(w);
	return 0;
}

uint32_t log_write_flow(struct log_writer *w, const struct link_flow *flow)
{
	add(w, LOG_FLOW)->description = *flow;
	return (uint32_t)w->n_flows++;
}

uint64_t log_write_frame(struct log_writer *w, const struct link_frame *f)
{
	struct log_record *r = add(w, LOG_FRAME);

	r->cause = f->cause;
	r->reordered = f->reordered;
	r->flow = f->flow;
	r->frame.arrived_ns = f->arrived_ns;
	r->frame.due_ns = f->due_ns;
	r->frame.due_again_ns = f->due_again_ns;
	r->frame.hash_in = f->hash_in;
	r->frame.hash_out = f->hash_out;
	r->frame.number = f->number;
	r->frame.draw = f->draw;
	r->frame.len = f->len;
	r->frame.flipped = f->flipped;
	return w->n_frames++;
}

void log_give_up(struct log_writer *w, uint64_t frame, bool again)
{
	struct given_up *g = array_add(&w->given_up, &w->n_given_up, &w->given_up_room, sizeof(*g));

	g->place = frame;
	g->which = again ? GIVEN_UP_AGAIN : GIVEN_UP_FIRST;
}

static int compare_places(const void *a, const void *b)
{
	const struct given_up *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

/* By their places, for the reader to meet them as it goes; one record for both copies of a frame. */
static uint64_t write_given_up(struct log_writer *w)
{
	uint64_t n = 0;

	if (w->n_given_up > 0)
		qsort(w->given_up, w->n_given_up, sizeof(w->given_up[0]), compare_places);
	for (size_t i = 0; i < w->n_given_up; n++) {
		struct log_record *r = add(w, LOG_GIVEN_UP);

		r->place = w->given_up[i].place;
		while (i < w->n_given_up && w->given_up[i].place == r->place)
			r->given_up |= w->given_up[i++].which;
	}
	return n;
}

int log_writer_close(struct log_writer *w, struct err *e)
{
	cleanup_by(log_writer_freep) struct log_writer *closed = w;
	uint64_t n_given_up = write_given_up(w);
	struct log_record *end = add(w, LOG_END);

	end->end.n_flows = w->n_flows;
	end->end.n_frames = w->n_frames;
	end->end.n_given_up = n_given_up;
	flush(closed);
	if (!w->failed && close(take_fd(&w->fd)) != 0) {
		err_set(&w->error, errno, "close %s", w->path);
		w->failed = true;
	}
	if (w->failed)
		*e = w->error;
	return w->failed ? -1 : 0;
}

void log_writer_freep(struct log_writer **w)
{
	if (*w == NULL)
		return;
	if ((*w)->fd >= 0)
		close((*w)->fd);
	free((*w)->path);
	free((*w)->given_up);
	free(*w);
	*w = NULL;
}
