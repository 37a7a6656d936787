#include "verify/stream.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"

struct source_file {
	struct pcapng_reader *reader;
	size_t number;
	struct packet next;
};

struct stream {
	struct source_file *heap; /* by the time of the next packet */
	size_t n, room;
	bool stale; /* the packet of heap[0] was handed out */
};

struct stream *stream_new(void)
{
	return array_new(1, sizeof(struct stream));
}

/* Packets of one moment in the order of the files: a run gives the same answer every time. */
static bool before(const struct source_file *a, const struct source_file *b)
{
	if (a->next.time_ns != b->next.time_ns)
		return a->next.time_ns < b->next.time_ns;
	return a->number < b->number;
}

static void swap(struct source_file *a, struct source_file *b)
{
	struct source_file other = *a;

	*a = *b;
	*b = other;
}

static void sift_up(struct stream *s, size_t i)
{
	for (; i > 0 && before(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&s->heap[i], &s->heap[(i - 1) / 2]);
}

static void sift_down(struct stream *s, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= s->n)
			return;
		if (child + 1 < s->n && before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!before(&s->heap[child], &s->heap[i]))
			return;
		swap(&s->heap[i], &s->heap[child]);
		i = child;
	}
}

int stream_add(struct stream *s, size_t number, const char *path, struct err *e)
{
	struct source_file f = { .number = number };

	if (pcapng_reader_open(path, &f.reader, e) != 0)
		return -1;

	int more = pcapng_read(f.reader, &f.next, e);

	if (more != 1) {
		pcapng_reader_freep(&f.reader);
		return more;
	}
	*(struct source_file *)array_add(&s->heap, &s->n, &s->room, sizeof(f)) = f;
	sift_up(s, s->n - 1);
	return 0;
}

/* The file with the earliest packet has no more. */
static void drop_first(struct stream *s)
{
	pcapng_reader_freep(&s->heap[0].reader);
	s->heap[0] = s->heap[--s->n];
	sift_down(s, 0);
}

static int advance(struct stream *s, size_t *ret_number, struct err *e)
{
	int more = pcapng_read(s->heap[0].reader, &s->heap[0].next, e);

	s->stale = false;
	*ret_number = s->heap[0].number;
	if (more == 1)
		sift_down(s, 0);
	else
		drop_first(s);
	return more;
}

int stream_next(struct stream *s, size_t *ret_number, struct packet *ret_packet, struct err *e)
{
	if (s->stale && advance(s, ret_number, e) < 0)
		return -1;
	if (s->n == 0)
		return 0;
	*ret_number = s->heap[0].number;
	*ret_packet = s->heap[0].next;
	s->stale = true;
	return 1;
}

void stream_freep(struct stream **s)
{
	if (*s == NULL)
		return;
	for (size_t i = 0; i < (*s)->n; i++)
		pcapng_reader_freep(&(*s)->heap[i].reader);
	free((*s)->heap);
	free(*s);
	*s = NULL;
}
