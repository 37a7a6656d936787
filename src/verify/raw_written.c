#include "verify/raw_written.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "verify/compare.h"

/* Cutting one written file into chunks. */
struct cut {
	struct written *w;
	const struct source *sources;
	const uint8_t *p; /* what is left */
	size_t left;
	size_t flow;
};

static void take(struct cut *c, size_t len)
{
	c->p += len;
	c->left -= len;
}

static bool take_class(struct cut *c, size_t len)
{
	size_t class = len <= c->left && len != 0
			       ? chunk_index_find(c->w->alignment.index, c->p, len)
			       : ALIGN_NONE;

	if (class == ALIGN_NONE)
		return false;
	alignment_add(&c->w->alignment, c->flow, class, 0);
	c->w->matched = true;
	take(c, len);
	return true;
}

/* The bytes are what comes next in the file that was being written, whatever its length. */
static bool take_expected(struct cut *c)
{
	const struct alignment *a = &c->w->alignment;
	size_t last = a->flows[c->flow].last;

	if (alignment_expected(a, c->flow) == ALIGN_NONE)
		return false;

	uint64_t next = a->files[last].next;
	size_t len = chunk_index_len(a->index, last, next);

	return len <= c->left &&
	       memcmp(c->sources[last].map.data + next * RAW_CHUNK, c->p, len) == 0 &&
	       take_class(c, len);
}

/* The short chunk at the end of some file. */
static bool take_short(struct cut *c)
{
	const struct alignment *a = &c->w->alignment;

	for (size_t f = 0; f < a->n_files; f++)
		if (take_class(c, c->sources[f].map.len % RAW_CHUNK))
			return true;
	return false;
}

static void note_damage(struct written_damage *d, const uint8_t *is, const uint8_t *was, size_t len,
			uint64_t offset)
{
	size_t at = compare_first(is, was, len);

	d->chunks++;
	if (d->any || at == len)
		return;
	d->any = true;
	d->offset = offset + at;
	d->is = is[at];
	d->was = was[at];
}

/* No chunk of any file: most likely what was expected here, and damaged. */
static void take_damaged(struct cut *c)
{
	struct alignment *a = &c->w->alignment;
	size_t last = a->flows[c->flow].last;
	size_t len = c->left < RAW_CHUNK ? c->left : RAW_CHUNK;

	if (last == ALIGN_NONE)
		last = a->n_files == 1 ? 0 : ALIGN_NONE;
	if (last != ALIGN_NONE && a->files[last].next < chunk_index_count(a->index, last)) {
		uint64_t next = a->files[last].next++;
		size_t whole = chunk_index_len(a->index, last, next);

		len = len < whole ? len : whole;
		note_damage(&c->w->damage[last], c->p, c->sources[last].map.data + next * RAW_CHUNK,
			    len, next * RAW_CHUNK);
	}
	alignment_add_unmatched(a, c->flow);
	take(c, len);
}

static void cut_up(struct written *w, const struct source *sources, struct written_file *f)
{
	struct fs_map m;
	struct err ignored;

	if (fs_map_open(&m, f->path, &ignored) != 0)
		return;

	struct cut c = { w, sources, m.data, m.len, alignment_add_flow(&w->alignment) };

	f->size = m.len;
	while (c.left > 0)
		if (!take_expected(&c) && !take_class(&c, RAW_CHUNK) && !take_short(&c))
			take_damaged(&c);
	fs_map_close(&m);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct written_file *)a)->name,
		      ((const struct written_file *)b)->name);
}

static void list(struct written *w, const char *folder)
{
	cleanup_closedir DIR *d = opendir(folder);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		cleanup_free char *path = text_format("%s/%s", folder, entry->d_name);
		struct stat st;

		if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;

		struct written_file *f = array_add(&w->files, &w->n_files, &w->files_room,
						   sizeof(*f));

		f->name = text_dup(entry->d_name);
		f->path = take_ptr(path);
	}
	if (w->n_files > 1)
		qsort(w->files, w->n_files, sizeof(*w->files), by_name);
}

void written_read(struct written *w, const struct chunk_index *x, const struct source *sources,
		  const char *folder)
{
	*w = (struct written){ 0 };
	alignment_init(&w->alignment, x);
	w->damage = array_new(w->alignment.n_files, sizeof(*w->damage));
	list(w, folder);
	for (size_t i = 0; i < w->n_files; i++)
		cut_up(w, sources, &w->files[i]);
}

const struct written_file *written_alone(const struct written *w, size_t file)
{
	const struct alignment *a = &w->alignment;
	size_t flow = a->files[file].flow;

	/* The same number, as none was unreadable: flows are added per file. */
	if (a->n_flows != w->n_files)
		return NULL;
	if (flow == ALIGN_NONE)
		return a->n_files == 1 && w->n_files == 1 ? &w->files[0] : NULL;
	return !a->files[file].shared && a->flows[flow].n_files == 1 ? &w->files[flow] : NULL;
}

void written_done(struct written *w)
{
	for (size_t i = 0; i < w->n_files; i++) {
		free(w->files[i].path);
		free(w->files[i].name);
	}
	free(w->files);
	free(w->damage);
	alignment_done(&w->alignment);
}
