#include "capture/merge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "capture/copies.h"

/* An input and the first of its packets that was not merged yet. */
struct source {
	struct pcapng_reader *reader;
	uint32_t number;
	struct packet head;
};

/* The sources that have a packet left, as a heap: the earliest head is first. */
struct sources {
	struct source *s;
	size_t n_opened;
	struct source **heap;
	size_t n;
};

static void sources_done(struct sources *sources)
{
	for (size_t i = 0; i < sources->n_opened; i++)
		pcapng_reader_freep(&sources->s[i].reader);
	free(sources->s);
	free(sources->heap);
}

/* At the same time, the interface that comes first in the file comes first. */
static bool is_before(const struct source *a, const struct source *b)
{
	if (a->head.time_ns != b->head.time_ns)
		return a->head.time_ns < b->head.time_ns;
	return a->number < b->number;
}

static void heap_sink(struct sources *sources, size_t at)
{
	struct source *sinking = sources->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= sources->n)
			break;
		if (child + 1 < sources->n &&
		    is_before(sources->heap[child + 1], sources->heap[child]))
			child++;
		if (!is_before(sources->heap[child], sinking))
			break;
		sources->heap[at] = sources->heap[child];
		at = child;
	}
	sources->heap[at] = sinking;
}

/* Read the next head of the first source, which leaves the heap when there is none. */
static int advance_first(struct sources *sources, struct err *e)
{
	struct source *first = sources->heap[0];
	int more = pcapng_read(first->reader, &first->head, e);

	if (more < 0)
		return -1;
	pcapng_forget(first->reader);
	if (more == 0)
		sources->heap[0] = sources->heap[--sources->n];
	if (sources->n > 0)
		heap_sink(sources, 0);
	return 0;
}

static int open_sources(const struct merge *m, struct sources *sources, struct err *e)
{
	sources->s = array_new(m->n_inputs, sizeof(*sources->s));
	sources->heap = array_new(m->n_inputs, sizeof(struct source *));
	for (size_t i = 0; i < m->n_inputs; i++) {
		struct source *s = &sources->s[i];

		if (pcapng_reader_open(m->inputs[i].file, &s->reader, e) != 0)
			return -1;
		sources->n_opened++;
		s->number = (uint32_t)i;

		int more = pcapng_read(s->reader, &s->head, e);

		if (more < 0)
			return -1;
		if (more == 1)
			sources->heap[sources->n++] = s;
	}
	for (size_t i = sources->n / 2; i-- > 0;)
		heap_sink(sources, i);
	return 0;
}

static int write_heads(const struct merge *m, struct pcapng_writer *w, struct err *e)
{
	for (size_t i = 0; i < m->n_inputs; i++)
		if (pcapng_write_interface(w, &m->inputs[i].interface, e) != 0)
			return -1;
	return pcapng_write_names(w, m->names, m->n_names, e);
}

static int write_packets(const struct merge *m, struct sources *sources, struct copies *copies,
			 struct pcapng_writer *w, struct err *e)
{
	bool is_first;

	while (sources->n > 0) {
		const struct source *first = sources->heap[0];
		struct packet p = first->head;

		p.interface = first->number;
		if (m->remarks != NULL)
			remarks_add(m->remarks, copies, &p);
		else
			p.id = copies_id(copies, &p, copies_key(&p), &is_first);
		if (pcapng_write_packet(w, &p, e) != 0 || advance_first(sources, e) != 0)
			return -1;
	}
	return 0;
}

static int write_statistics(const struct merge *m, struct pcapng_writer *w, struct err *e)
{
	for (size_t i = 0; i < m->n_inputs; i++) {
		const struct merge_input *in = &m->inputs[i];

		if (pcapng_write_statistics(w, (uint32_t)i, in->end_ns, in->received, in->dropped,
					    in->if_dropped, e) != 0)
			return -1;
	}
	return 0;
}

static int merge_into(const struct merge *m, const char *path, struct err *e)
{
	cleanup_by(sources_done) struct sources sources = { 0 };
	uint64_t max_delay_ns = m->remarks != NULL ? remarks_max_delay(m->remarks)
						   : COPIES_MAX_DELAY_NS;
	cleanup_by(copies_freep) struct copies *copies = copies_new(m->n_inputs, max_delay_ns);
	cleanup_by(pcapng_writer_freep) struct pcapng_writer *w = NULL;

	if (open_sources(m, &sources, e) != 0)
		return -1;
	if (pcapng_writer_open(path, m->application, m->comment, &w, e) != 0)
		return -1;
	if (write_heads(m, w, e) != 0 || write_packets(m, &sources, copies, w, e) != 0 ||
	    write_statistics(m, w, e) != 0)
		return -1;
	return pcapng_writer_close(take_ptr(w), e);
}

int merge_captures(const struct merge *m, const char *path, struct err *e)
{
	if (merge_into(m, path, e) == 0)
		return 0;
	unlink(path);
	return -1;
}
