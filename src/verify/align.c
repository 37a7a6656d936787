#include "verify/align.h"

#include <string.h>

#include "base/array.h"
#include "verify/crc32c.h"

struct place {
	size_t file;
	uint64_t chunk;
};

struct chunk_class {
	struct place first;  /* one that has these bytes */
	size_t n, places_at; /* into places, n of them */
	uint32_t hash;
};

struct chunk_index {
	const struct source *sources;
	size_t n_files;
	size_t **class_of; /* per file, per chunk */
	struct chunk_class *classes;
	size_t n_classes, classes_room;
	struct place *places; /* by class, in the order of files and chunks */
	size_t *table;	      /* open addressing: 1 + class, 0: free */
	size_t table_size;
};

/* ---- the index ---- */

uint64_t chunk_index_count(const struct chunk_index *x, size_t file)
{
	return (x->sources[file].map.len + RAW_CHUNK - 1) / RAW_CHUNK;
}

size_t chunk_index_len(const struct chunk_index *x, size_t file, uint64_t chunk)
{
	uint64_t left = x->sources[file].map.len - chunk * RAW_CHUNK;

	return left < RAW_CHUNK ? (size_t)left : RAW_CHUNK;
}

static const uint8_t *chunk_bytes(const struct chunk_index *x, struct place at)
{
	return x->sources[at.file].map.data + at.chunk * RAW_CHUNK;
}

static bool is_of_class(const struct chunk_index *x, const struct chunk_class *c, uint32_t hash,
			const uint8_t *bytes, size_t len)
{
	return c->hash == hash && chunk_index_len(x, c->first.file, c->first.chunk) == len &&
	       memcmp(chunk_bytes(x, c->first), bytes, len) == 0;
}

static size_t *find_slot(const struct chunk_index *x, uint32_t hash, const uint8_t *bytes,
			 size_t len)
{
	size_t mask = x->table_size - 1;
	size_t at = (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 24) & mask;

	while (x->table[at] != 0 &&
	       !is_of_class(x, &x->classes[x->table[at] - 1], hash, bytes, len))
		at = (at + 1) & mask;
	return &x->table[at];
}

static size_t class_of_place(struct chunk_index *x, struct place at)
{
	const uint8_t *bytes = chunk_bytes(x, at);
	size_t len = chunk_index_len(x, at.file, at.chunk);
	uint32_t hash = crc32c(0, bytes, len);
	size_t *slot = find_slot(x, hash, bytes, len);

	if (*slot == 0) {
		struct chunk_class *c = array_add(&x->classes, &x->n_classes, &x->classes_room,
						  sizeof(*c));

		c->first = at;
		c->hash = hash;
		*slot = x->n_classes;
	}
	x->classes[*slot - 1].n++;
	return *slot - 1;
}

/* Every place behind those of its class (a counting sort). */
static void sort_places(struct chunk_index *x)
{
	size_t total = 0;

	for (size_t c = 0; c < x->n_classes; c++) {
		x->classes[c].places_at = total;
		total += x->classes[c].n;
		x->classes[c].n = 0;
	}
	x->places = array_new(total, sizeof(*x->places));
	for (size_t f = 0; f < x->n_files; f++)
		for (uint64_t i = 0; i < chunk_index_count(x, f); i++) {
			struct chunk_class *c = &x->classes[x->class_of[f][i]];

			x->places[c->places_at + c->n++] = (struct place){ f, i };
		}
}

struct chunk_index *chunk_index_new(const struct source *sources, size_t n_files)
{
	struct chunk_index *x = array_new(1, sizeof(*x));
	size_t total = 0;

	x->sources = sources;
	x->n_files = n_files;
	x->class_of = array_new(n_files, sizeof(*x->class_of));
	for (size_t f = 0; f < n_files; f++)
		total += (size_t)chunk_index_count(x, f);
	for (x->table_size = 64; x->table_size < total * 2;)
		x->table_size *= 2;
	x->table = array_new(x->table_size, sizeof(*x->table));
	for (size_t f = 0; f < n_files; f++) {
		size_t n = (size_t)chunk_index_count(x, f);

		x->class_of[f] = array_new(n, sizeof(size_t));
		for (size_t i = 0; i < n; i++)
			x->class_of[f][i] = class_of_place(x, (struct place){ f, i });
	}
	sort_places(x);
	return x;
}

void chunk_index_free(struct chunk_index *x)
{
	if (x == NULL)
		return;
	for (size_t f = 0; f < x->n_files; f++)
		free(x->class_of[f]);
	free(x->class_of);
	free(x->classes);
	free(x->places);
	free(x->table);
	free(x);
}

size_t chunk_index_find(const struct chunk_index *x, const uint8_t *bytes, size_t len)
{
	size_t *slot = len <= RAW_CHUNK ? find_slot(x, crc32c(0, bytes, len), bytes, len) : NULL;

	return slot != NULL && *slot != 0 ? *slot - 1 : ALIGN_NONE;
}

/* ---- alignments ---- */

void alignment_init(struct alignment *a, const struct chunk_index *x)
{
	*a = (struct alignment){ .index = x, .n_files = x->n_files };
	a->files = array_new(x->n_files, sizeof(*a->files));
	a->open = array_new(x->n_classes, sizeof(*a->open));
	for (size_t f = 0; f < x->n_files; f++) {
		a->files[f].flow = ALIGN_NONE;
		bitmap_reserve(&a->files[f].have, chunk_index_count(x, f));
	}
	for (size_t c = 0; c < x->n_classes; c++)
		a->open[c] = (uint32_t)x->classes[c].n;
}

void alignment_done(struct alignment *a)
{
	for (size_t f = 0; f < a->n_files; f++)
		bitmap_done(&a->files[f].have);
	free(a->files);
	free(a->open);
	free(a->flows);
	*a = (struct alignment){ 0 };
}

size_t alignment_add_flow(struct alignment *a)
{
	struct aligned_flow *f = array_add(&a->flows, &a->n_flows, &a->flows_room, sizeof(*f));

	f->last = ALIGN_NONE;
	return a->n_flows - 1;
}

static bool expects(const struct alignment *a, size_t file, size_t class)
{
	uint64_t next = a->files[file].next;

	return next < chunk_index_count(a->index, file) &&
	       a->index->class_of[file][next] == class && !bitmap_get(&a->files[file].have, next);
}

size_t alignment_expected(const struct alignment *a, size_t flow)
{
	size_t last = a->flows[flow].last;

	if (last == ALIGN_NONE || a->files[last].next >= chunk_index_count(a->index, last))
		return ALIGN_NONE;
	return a->index->class_of[last][a->files[last].next];
}

/* A file that expects this class: one that the flow (or nobody, with ALIGN_NONE) has begun. */
static size_t find_expecting(const struct alignment *a, size_t flow, size_t class)
{
	for (size_t f = 0; f < a->n_files; f++)
		if (a->files[f].flow == flow && expects(a, f, class))
			return f;
	return ALIGN_NONE;
}

/* How well an open place suits a flow that does not expect it anywhere; less is better. */
static int misfit(const struct alignment *a, size_t flow, struct place at)
{
	const struct aligned_file *f = &a->files[at.file];

	if (f->flow == flow)
		return at.chunk >= f->next ? 0 : 2; /* some were lost; it comes late */
	return f->flow == ALIGN_NONE ? 1 : 3;
}

static struct place find_open(const struct alignment *a, size_t flow, size_t class)
{
	const struct chunk_class *c = &a->index->classes[class];
	struct place best = { ALIGN_NONE, 0 };

	for (size_t i = 0; i < c->n; i++) {
		struct place at = a->index->places[c->places_at + i];

		if (bitmap_get(&a->files[at.file].have, at.chunk))
			continue;
		if (best.file == ALIGN_NONE || misfit(a, flow, at) < misfit(a, flow, best))
			best = at;
	}
	return best;
}

/* Where it belongs; all places are taken when it came again: then the first one it could be. */
static struct place choose(const struct alignment *a, size_t flow, size_t class)
{
	size_t file = a->flows[flow].last;

	if (file == ALIGN_NONE || !expects(a, file, class))
		file = find_expecting(a, flow, class);
	if (file == ALIGN_NONE)
		file = find_expecting(a, ALIGN_NONE, class);
	if (file != ALIGN_NONE)
		return (struct place){ file, a->files[file].next };
	return a->open[class] != 0 ? find_open(a, flow, class) : a->index->classes[class].first;
}

static void note_switch(struct alignment *a, size_t flow, size_t file)
{
	struct aligned_flow *fl = &a->flows[flow];

	if (fl->last != ALIGN_NONE && fl->last != file) {
		fl->switches++;
		a->files[fl->last].interleaved++;
		a->files[file].interleaved++;
	}
	fl->last = file;
}

size_t alignment_add(struct alignment *a, size_t flow, size_t class, uint64_t time_ns)
{
	struct place at = choose(a, flow, class);
	struct aligned_file *f = &a->files[at.file];

	if (f->flow == ALIGN_NONE) {
		f->flow = flow;
		f->first_ns = time_ns;
		a->flows[flow].n_files++;
	}
	f->shared = f->shared || f->flow != flow;
	f->seen++;
	f->order = (f->order ^ (class + 1)) * UINT64_C(0x9e3779b97f4a7c15);
	f->order ^= f->order >> 29;
	f->last_ns = time_ns;
	note_switch(a, flow, at.file);
	a->flows[flow].last_chunk = at.chunk;
	if (bitmap_get(&f->have, at.chunk)) {
		f->duplicated++;
		return at.file;
	}
	bitmap_set(&f->have, at.chunk);
	a->open[class]--;
	if (at.chunk < f->next)
		f->reordered++;
	else
		f->next = at.chunk + 1;
	return at.file;
}

void alignment_add_unmatched(struct alignment *a, size_t flow)
{
	a->flows[flow].unmatched++;
}

bool alignment_whole(const struct alignment *a, size_t file)
{
	return a->files[file].have.set == chunk_index_count(a->index, file);
}

void alignment_missing(const struct alignment *a, size_t file, struct ranges *r)
{
	for (uint64_t i = 0; i < chunk_index_count(a->index, file); i++)
		if (!bitmap_get(&a->files[file].have, i))
			ranges_add(r, i, i);
}
