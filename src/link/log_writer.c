#include "link/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "link/log_format.h"

/* Of each write; and how much may wait for the disk before who writes to the log waits, too. */
#define BUFFER	    (64 << 10)
#define MAX_BUFFERS 1024
#define STACK_SIZE  (256 << 10)
#define N_RECORDS   (BUFFER / sizeof(struct log_record))

struct buffer {
	struct buffer *next;
	size_t n;
	struct log_record records[N_RECORDS];
};

struct given_up {
	uint64_t place;
	uint8_t which;
};

/*
 * A file system may take its time (34 ms were seen, when a journal was committed), and every frame
 * that is due meanwhile would be late: a thread writes what is full.
 */
struct log_writer {
	char *path;
	uint64_t n_flows, n_frames;
	struct given_up *given_up;
	size_t n_given_up, given_up_room;
	struct buffer *current;
	size_t n_buffers; /* that there are */

	bool has_thread;
	pthread_t thread;
	pthread_mutex_t mutex; /* of everything below */
	pthread_cond_t changed;
	struct buffer *full, **full_end, *free;
	bool closing;
	int fd;
	bool failed;
	struct err error; /* the first one */
};

static void write_buffer(struct log_writer *w, const struct buffer *b)
{
	size_t len = b->n * sizeof(b->records[0]);
	struct err e;

	if (w->failed || fs_write_fd(w->fd, b->records, len, &e) == 0)
		return;
	err_prefix(&e, "%s", w->path);
	w->error = e;
	w->failed = true;
}

static void *write_full(void *arg)
{
	struct log_writer *w = arg;

	prctl(PR_SET_NAME, "wire-log");
	pthread_mutex_lock(&w->mutex);
	while (w->full != NULL || !w->closing) {
		struct buffer *b = w->full;

		if (b == NULL) {
			pthread_cond_wait(&w->changed, &w->mutex);
			continue;
		}
		w->full = b->next;
		if (w->full == NULL)
			w->full_end = &w->full;
		pthread_mutex_unlock(&w->mutex);
		write_buffer(w, b);
		pthread_mutex_lock(&w->mutex);
		b->next = w->free;
		w->free = b;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static struct buffer *get_buffer(struct log_writer *w)
{
	struct buffer *b;

	while (w->free == NULL && w->n_buffers >= MAX_BUFFERS)
		pthread_cond_wait(&w->changed, &w->mutex);
	b = w->free;
	if (b == NULL) {
		w->n_buffers++;
		return array_new(1, sizeof(*b));
	}
	w->free = b->next;
	b->next = NULL;
	b->n = 0;
	return b;
}

static void hand_over(struct log_writer *w)
{
	pthread_mutex_lock(&w->mutex);
	*w->full_end = w->current;
	w->full_end = &w->current->next;
	w->current = get_buffer(w);
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->mutex);
}

/* A new record, all zero. */
static struct log_record *add(struct log_writer *w, enum log_kind kind)
{
	if (w->current->n == N_RECORDS)
		hand_over(w);

	struct log_record *r = &w->current->records[w->current->n++];

	memset(r, 0, sizeof(*r));
	r->kind = (uint8_t)kind;
	return r;
}

int log_writer_open(const char *path, struct log_writer **ret_writer, struct err *e)
{
	cleanup_by(log_writer_freep) struct log_writer *w = array_new(1, sizeof(*w));
	pthread_attr_t attr;
	int num;

	w->path = text_dup(path);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->full_end = &w->full;
	w->current = get_buffer(w);
	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w->fd < 0)
		return err_set(e, errno, "create %s", path);
	pthread_attr_init(&attr);
	/* The wire locks its memory. */
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	num = pthread_create(&w->thread, &attr, write_full, w);
	pthread_attr_destroy(&attr);
	if (num != 0)
		return err_set(e, num, "start a thread for %s", path);
	w->has_thread = true;
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

/* What is full is written first. */
static void join(struct log_writer *w)
{
	if (!w->has_thread)
		return;
	pthread_mutex_lock(&w->mutex);
	w->closing = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	w->has_thread = false;
}

int log_writer_close(struct log_writer *w, struct err *e)
{
	cleanup_by(log_writer_freep) struct log_writer *closed = w;
	uint64_t n_given_up = write_given_up(w);
	struct log_record *end = add(w, LOG_END);

	end->end.n_flows = w->n_flows;
	end->end.n_frames = w->n_frames;
	end->end.n_given_up = n_given_up;
	join(closed);
	write_buffer(w, w->current);
	if (!w->failed && close(take_fd(&w->fd)) != 0) {
		err_set(&w->error, errno, "close %s", w->path);
		w->failed = true;
	}
	if (w->failed)
		*e = w->error;
	return w->failed ? -1 : 0;
}

static void free_buffers(struct buffer *b)
{
	while (b != NULL) {
		struct buffer *next = b->next;

		free(b);
		b = next;
	}
}

void log_writer_freep(struct log_writer **w)
{
	if (*w == NULL)
		return;
	join(*w);
	if ((*w)->fd >= 0)
		close((*w)->fd);
	free_buffers((*w)->free);
	free_buffers((*w)->current);
	pthread_mutex_destroy(&(*w)->mutex);
	pthread_cond_destroy(&(*w)->changed);
	free((*w)->path);
	free((*w)->given_up);
	free(*w);
	*w = NULL;
}
