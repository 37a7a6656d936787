/*
 * Every length and offset in the file is checked against what is left of it
 * before it is followed: files come from people, too.
 */
#include "capture/pcapng.h"

#include <byteswap.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "capture/pcapng_format.h"

/* A multiple of every page size, large pages included. */
#define FORGET_UNIT ((size_t)16 << 20)

struct reader_interface {
	char *name; /* or NULL */
	uint32_t snaplen;
	uint8_t tsresol; /* as in the option */
	int64_t offset_s;
};

struct pcapng_reader {
	struct fs_map map;
	int fd;		  /* of the same file, for advice about it */
	size_t forgotten; /* bytes from the start */
	char *path;
	size_t at;			     /* of the next block */
	bool swapped;			     /* this section is in the other byte order */
	struct reader_interface *interfaces; /* of all sections */
	size_t n_interfaces, interfaces_room;
	size_t section_base; /* the first one of this section */
};

struct block {
	size_t at; /* in the file, for messages */
	uint32_t type;
	const uint8_t *body;
	size_t len;
};

struct option {
	uint16_t code, len;
	const uint8_t *value;
};

static uint16_t get_u16(const struct pcapng_reader *r, const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return r->swapped ? bswap_16(v) : v;
}

static uint32_t get_u32(const struct pcapng_reader *r, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return r->swapped ? bswap_32(v) : v;
}

static uint64_t get_u64(const struct pcapng_reader *r, const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return r->swapped ? bswap_64(v) : v;
}

static int damaged(const struct pcapng_reader *r, const struct block *b, const char *what,
		   struct err *e)
{
	return err_set(e, 0, "%s: damaged at byte %zu: %s", r->path, b->at, what);
}

/* The section header says in which byte order it and what follows is. */
static int read_byte_order(struct pcapng_reader *r, const struct block *b, struct err *e)
{
	uint32_t magic;

	memcpy(&magic, r->map.data + b->at + 8, sizeof(magic));
	r->swapped = magic == bswap_32(PCAPNG_MAGIC);
	if (magic != PCAPNG_MAGIC && !r->swapped)
		return damaged(r, b, "no byte-order magic in a section header", e);
	return 0;
}

/* 1 and the next block, 0 at the end of the file, -1. */
static int next_block(struct pcapng_reader *r, struct block *ret_block, struct err *e)
{
	const uint8_t *start = r->map.data + r->at;
	size_t left = r->map.len - r->at;
	struct block b = { .at = r->at };

	if (left == 0)
		return 0;
	if (left < PCAPNG_OVERHEAD)
		return damaged(r, &b, "the file ends inside a block", e);
	b.type = get_u32(r, start);
	if (b.type == BLOCK_SECTION && read_byte_order(r, &b, e) != 0)
		return -1;

	uint32_t total = get_u32(r, start + 4);

	if (total < PCAPNG_OVERHEAD || total % 4 != 0)
		return damaged(r, &b, "impossible length of a block", e);
	if (total > left)
		return damaged(r, &b, "the file ends inside a block", e);
	if (get_u32(r, start + total - 4) != total)
		return damaged(r, &b, "the two lengths of a block differ", e);
	b.body = start + 8;
	b.len = total - PCAPNG_OVERHEAD;
	r->at += total;
	*ret_block = b;
	return 1;
}

/* 1 and the option at *at, which moves behind it; 0 when there is no more; -1. */
static int next_option(const struct pcapng_reader *r, const struct block *b, const uint8_t **at,
		       struct option *ret_option, struct err *e)
{
	const uint8_t *end = b->body + b->len;
	size_t left = (size_t)(end - *at);

	if (left < 4)
		return 0;

	struct option o = { get_u16(r, *at), get_u16(r, *at + 2), *at + 4 };
	size_t size = ((size_t)o.len + 3) & ~(size_t)3;

	if (o.code == OPTION_END)
		return 0;
	if (size > left - 4)
		return damaged(r, b, "an option runs over its block", e);
	*at += 4 + size;
	*ret_option = o;
	return 1;
}

static void apply_interface_option(const struct pcapng_reader *r, struct reader_interface *i,
				   const struct option *o)
{
	if (o->code == INTERFACE_NAME && i->name == NULL) {
		i->name = strndup((const char *)o->value, o->len);
		if (i->name == NULL)
			abort();
	} else if (o->code == INTERFACE_TSRESOL && o->len == 1) {
		i->tsresol = o->value[0];
	} else if (o->code == INTERFACE_TSOFFSET && o->len == 8) {
		i->offset_s = (int64_t)get_u64(r, o->value);
	}
}

static int read_interface(struct pcapng_reader *r, const struct block *b, struct err *e)
{
	if (b->len < 8)
		return damaged(r, b, "short interface description", e);
	if (get_u16(r, b->body) != LINKTYPE_ETHERNET)
		return err_set(e, 0,
			       "%s: interface %zu has link type %u, and only Ethernet is read",
			       r->path, r->n_interfaces, get_u16(r, b->body));

	struct reader_interface *i = array_add(&r->interfaces, &r->n_interfaces,
					       &r->interfaces_room, sizeof(*i));
	const uint8_t *at = b->body + 8;
	struct option o = { 0 };
	int more;

	i->snaplen = get_u32(r, b->body + 4);
	i->tsresol = 6; /* microseconds, when nothing is said */
	while ((more = next_option(r, b, &at, &o, e)) == 1)
		apply_interface_option(r, i, &o);
	return more;
}

static int read_section(struct pcapng_reader *r, const struct block *b, struct err *e)
{
	if (b->len < 16)
		return damaged(r, b, "short section header", e);
	if (get_u16(r, b->body + 4) != 1)
		return err_set(e, 0, "%s: pcapng version %u, and only 1 is read", r->path,
			       get_u16(r, b->body + 4));
	r->section_base = r->n_interfaces;
	return 0;
}

/* Ticks of if_tsresol: 10^-n seconds, or 2^-n with the highest bit set. */
static uint64_t ticks_to_ns(uint64_t ticks, uint8_t tsresol)
{
	unsigned n = tsresol & 0x7f;

	if ((tsresol & 0x80) != 0) {
		uint64_t seconds = n < 64 ? ticks >> n : 0;
		uint64_t fraction = n < 64 ? ticks - (seconds << n) : ticks;
		unsigned __int128 ns = (unsigned __int128)fraction * NS_PER_SEC;

		return seconds * NS_PER_SEC + (uint64_t)(ns >> n);
	}
	for (; n < 9; n++)
		ticks *= 10;
	for (; n > 9 && ticks != 0; n--)
		ticks /= 10;
	return ticks;
}

static enum packet_direction direction_of_flags(uint32_t flags)
{
	uint32_t direction = flags & 3;

	return direction == 3 ? DIRECTION_UNKNOWN : (enum packet_direction)direction;
}

static int apply_packet_options(const struct pcapng_reader *r, const struct block *b,
				const uint8_t *at, struct packet *p, struct err *e)
{
	struct option o = { 0 };
	int more;

	while ((more = next_option(r, b, &at, &o, e)) == 1) {
		if (o.code == PACKET_FLAGS && o.len == 4)
			p->direction = direction_of_flags(get_u32(r, o.value));
		else if (o.code == PACKET_ID && o.len == 8)
			p->id = get_u64(r, o.value);
		else if (o.code == PACKET_DROPCOUNT && o.len == 8)
			p->dropped = get_u64(r, o.value);
	}
	return more;
}

static int read_packet(const struct pcapng_reader *r, const struct block *b,
		       struct packet *ret_packet, struct err *e)
{
	if (b->len < 20)
		return damaged(r, b, "short packet block", e);

	uint32_t interface = get_u32(r, b->body);
	uint32_t captured = get_u32(r, b->body + 12);

	if (interface >= r->n_interfaces - r->section_base)
		return damaged(r, b, "packet of an interface that was not described", e);
	if (captured > b->len - 20)
		return damaged(r, b, "packet longer than its block", e);

	const struct reader_interface *i = &r->interfaces[r->section_base + interface];
	uint64_t ticks = (uint64_t)get_u32(r, b->body + 4) << 32 | get_u32(r, b->body + 8);
	size_t options_at = 20 + (((size_t)captured + 3) & ~(size_t)3);

	*ret_packet = (struct packet){
		.interface = (uint32_t)r->section_base + interface,
		.time_ns = ticks_to_ns(ticks, i->tsresol) + (uint64_t)i->offset_s * NS_PER_SEC,
		.captured_len = captured,
		.original_len = get_u32(r, b->body + 16),
		.data = b->body + 20,
	};
	if (options_at > b->len)
		return damaged(r, b, "packet longer than its block", e);
	return apply_packet_options(r, b, b->body + options_at, ret_packet, e);
}

/* A simple packet block is of the first interface and has no time. */
static int read_simple_packet(const struct pcapng_reader *r, const struct block *b,
			      struct packet *ret_packet, struct err *e)
{
	if (b->len < 4)
		return damaged(r, b, "short packet block", e);
	if (r->n_interfaces == r->section_base)
		return damaged(r, b, "packet of an interface that was not described", e);

	uint32_t snaplen = r->interfaces[r->section_base].snaplen;
	uint32_t original = get_u32(r, b->body);
	uint32_t captured = snaplen != 0 && snaplen < original ? snaplen : original;

	if (captured > b->len - 4)
		return damaged(r, b, "packet longer than its block", e);
	*ret_packet = (struct packet){
		.interface = (uint32_t)r->section_base,
		.captured_len = captured,
		.original_len = original,
		.data = b->body + 4,
	};
	return 0;
}

int pcapng_read(struct pcapng_reader *r, struct packet *ret_packet, struct err *e)
{
	struct block b = { 0 };
	int more;

	while ((more = next_block(r, &b, e)) == 1) {
		if (b.type == BLOCK_PACKET)
			return read_packet(r, &b, ret_packet, e) == 0 ? 1 : -1;
		if (b.type == BLOCK_SIMPLE_PACKET)
			return read_simple_packet(r, &b, ret_packet, e) == 0 ? 1 : -1;
		if (b.type == BLOCK_INTERFACE && read_interface(r, &b, e) != 0)
			return -1;
		if (b.type == BLOCK_SECTION && read_section(r, &b, e) != 0)
			return -1;
	}
	return more;
}

int pcapng_reader_open(const char *path, struct pcapng_reader **ret_reader, struct err *e)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = array_new(1, sizeof(*r));
	struct block b = { .at = 0 };

	r->path = text_dup(path);
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fs_map_open(&r->map, path, e) != 0)
		return -1;
	if (r->map.len < 28 || get_u32(r, r->map.data) != BLOCK_SECTION)
		return err_set(e, 0, "%s is no pcapng file", path);
	if (read_byte_order(r, &b, e) != 0)
		return -1;
	/* The kernel reads further ahead, and drops behind. */
	madvise(r->map.base, r->map.len, MADV_SEQUENTIAL);
	*ret_reader = take_ptr(r);
	return 0;
}

void pcapng_forget(struct pcapng_reader *r)
{
	size_t len = (r->at - r->forgotten) & ~(FORGET_UNIT - 1);

	if (len == 0)
		return;
	/* A page leaves the cache only when nobody maps it. */
	madvise((char *)r->map.base + r->forgotten, len, MADV_DONTNEED);
	posix_fadvise(r->fd, (off_t)r->forgotten, (off_t)len, POSIX_FADV_DONTNEED);
	r->forgotten += len;
}

const char *pcapng_interface_name(const struct pcapng_reader *r, uint32_t interface)
{
	return interface < r->n_interfaces ? r->interfaces[interface].name : NULL;
}

void pcapng_reader_freep(struct pcapng_reader **r)
{
	if (*r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n_interfaces; i++)
		free((*r)->interfaces[i].name);
	free((*r)->interfaces);
	fs_map_close(&(*r)->map);
	if ((*r)->fd >= 0)
		close((*r)->fd);
	free((*r)->path);
	free(*r);
	*r = NULL;
}
