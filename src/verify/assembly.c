#include "verify/assembly.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../nodes/lib/protocol.h"
#include "base/cleanup.h"
#include "verify/compare.h"

/* More packet numbers than this per chunk are no repairs, they are nonsense. */
#define PACKETS_PER_CHUNK 64

void assembly_begin(struct assembly *a, const struct source *s, uint64_t size, uint32_t chunk)
{
	uint64_t most = s->map.len / chunk + 1024;
	uint64_t n = size / chunk + (size % chunk != 0);

	a->source = s;
	a->size = size;
	a->chunk = chunk;
	/* An OPEN that announces exabytes costs no more than the source does. */
	a->n_chunks = n < most ? n : most;
	bitmap_reserve(&a->have, a->n_chunks);
	bitmap_reserve(&a->again, a->n_chunks);
}

static void count_packet(struct assembly *a, uint32_t packet)
{
	uint64_t most = (a->n_chunks + 1024) * PACKETS_PER_CHUNK;

	if (packet >= most)
		return;
	if (packet >= a->packets.bits)
		bitmap_reserve(&a->packets, packet < most / 2 ? (uint64_t)packet * 2 + 1024 : most);
	if (bitmap_set(&a->packets, packet))
		a->duplicated++;
	else if (packet < a->highest_packet)
		a->reordered++;
	if (packet > a->highest_packet)
		a->highest_packet = packet;
}

/* What the whole consists of so far, where it lies within the source. */
static const uint8_t *assembled(const struct assembly *a)
{
	return a->patched != NULL ? a->patched : a->source->map.data;
}

/* Copy on write of the source's pages: only what differs takes memory (mmap(2), MAP_PRIVATE). */
static void patch(struct assembly *a, uint64_t at, const uint8_t *bytes, size_t len)
{
	if (a->patched == NULL) {
		cleanup_close int fd = open(a->source->path, O_RDONLY | O_CLOEXEC);
		void *p = mmap(NULL, a->source->map.len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			       0);

		if (p == MAP_FAILED)
			return;
		a->patched = p;
	}
	memcpy(a->patched + at, bytes, len);
}

static void note_difference(struct assembly *a, uint64_t at)
{
	if (!a->differs || at < a->first_difference)
		a->first_difference = at;
	a->differs = true;
}

/* The first copy of a chunk counts; a receiver must not overwrite it by a later one. */
static void place(struct assembly *a, uint64_t at, const uint8_t *bytes, size_t len)
{
	size_t source_len = a->source->map.len;
	size_t common = at >= source_len ? 0 : source_len - at < len ? source_len - at : len;
	bool repeated = bitmap_set(&a->have, at / a->chunk);

	if (repeated) {
		a->repeats++;
		bitmap_set(&a->again, at / a->chunk);
		a->conflicts += common != 0 && memcmp(assembled(a) + at, bytes, common) != 0;
		return;
	}
	if (common == 0 || memcmp(a->source->map.data + at, bytes, common) == 0)
		return;
	note_difference(a, at + compare_first(a->source->map.data + at, bytes, common));
	a->n_different++;
	patch(a, at, bytes, common);
}

static bool fits(const struct assembly *a, const struct message *m)
{
	uint64_t left = m->offset < a->size ? a->size - m->offset : 0;

	return left != 0 && m->offset % a->chunk == 0 && m->offset / a->chunk < a->n_chunks &&
	       m->len == (left < a->chunk ? left : a->chunk);
}

/* A datagram that the capture cut: it carried the source's bytes if its CRC is theirs. */
static bool source_completes(const struct assembly *a, const struct message *m)
{
	if (m->offset + m->len > a->source->map.len)
		return false;
	return message_crc_holds(m, a->source->map.data + m->offset + m->captured,
				 m->len - m->captured);
}

void assembly_add(struct assembly *a, const struct message *m)
{
	a->data++;
	if (m->datagram->checksum == CHECKSUM_BAD || m->crc_state == CRC_BAD) {
		a->corrupted++;
		return;
	}
	count_packet(a, m->packet);
	if (!fits(a, m)) {
		a->misplaced++;
	} else if (m->crc_state == CRC_UNKNOWN && !source_completes(a, m)) {
		a->unproven++;
		note_difference(a, m->offset);
	} else {
		a->undamaged++;
		place(a, m->offset, m->payload, m->captured);
	}
}

bool assembly_whole(const struct assembly *a)
{
	return a->n_chunks == a->size / a->chunk + (a->size % a->chunk != 0) &&
	       a->have.set == a->n_chunks;
}

static uint64_t chunk_end(const struct assembly *a, uint64_t chunk)
{
	uint64_t end = (chunk + 1) * a->chunk;

	return end < a->size ? end : a->size;
}

static void add_chunks(const struct assembly *a, const struct bitmap *b, bool value,
		       struct ranges *r)
{
	for (uint64_t i = 0; i < a->n_chunks; i++)
		if (bitmap_get(b, i) == value)
			ranges_add(r, i * a->chunk, chunk_end(a, i) - 1);
}

void assembly_describe(const struct assembly *a, struct layer *l)
{
	add_chunks(a, &a->have, false, &l->missing);
	if (a->again.set != 0)
		add_chunks(a, &a->again, true, &l->repeated);
	l->size = a->size - (l->missing.n != 0 ? ranges_total(&l->missing) : 0);
	/* A datagram that proved nothing does no harm when another one brought its chunk. */
	l->differs = a->n_different != 0 || (a->unproven != 0 && !assembly_whole(a));
	l->first_difference = l->differs ? a->first_difference : 0;
	l->has_digest = assembly_whole(a) && a->size == a->source->map.len &&
			(a->n_different == 0 || a->patched != NULL);
	if (l->has_digest && a->n_different == 0)
		l->digest = a->source->digest; /* every byte was compared, or proved by its CRC */
	else if (l->has_digest)
		sha256_of(a->patched, a->source->map.len, &l->digest);
}

void assembly_done(struct assembly *a)
{
	bitmap_done(&a->have);
	bitmap_done(&a->again);
	bitmap_done(&a->packets);
	if (a->patched != NULL)
		munmap(a->patched, a->source->map.len);
}
