/*
 * Blocks are built in one buffer, a packet with one memcpy() of its bytes, and
 * go to the file a mebibyte at a time.
 *
 * The kernel stamps a frame before it queues it and a tap sees it after, so
 * two CPUs can deliver frames of one interface some microseconds out of order.
 * Because a block ends with its own length, a late packet can walk back over
 * the blocks behind it, and, in the rare case that they were written already,
 * over the last write, which is read back for it.
 */
#include "capture/pcapng.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "capture/pcapng_format.h"
#include "capture/sink.h"

#define WRITE_UNIT     ((size_t)1 << 20)
#define MAX_OPTION     65532U /* bytes: the largest multiple of 4 that fits its length field */
#define BUFFER_SIZE    (4 * WRITE_UNIT) /* a unit, one taken back, and the largest packet */
#define NS_RESOLUTION  9
#define PACKET_TIME_AT 12

/* The fixed part of an enhanced packet block. */
struct packet_head {
	uint32_t type, total_len, interface, time_high, time_low, captured_len, original_len;
};

_Static_assert(sizeof(struct packet_head) == 28, "as on the wire");

struct pcapng_writer {
	struct sink sink;
	uint8_t *buf;	  /* SINK_ALIGNMENT; it may start inside a block */
	size_t len;	  /* bytes in buf */
	size_t take_back; /* bytes of the last write that a late packet may still move */
	uint64_t last_ns; /* the newest packet */
	uint64_t *starts; /* start_ns of each interface */
	size_t n_interfaces, starts_room;
};

static uint32_t padded(size_t len)
{
	return (uint32_t)((len + 3) & ~(size_t)3);
}

static int write_out(struct pcapng_writer *w, size_t len, struct err *e)
{
	if (len == 0)
		return 0;
	if (sink_write(&w->sink, w->buf, len, e) != 0)
		return -1;
	memmove(w->buf, w->buf + len, w->len - len);
	w->len -= len;
	w->take_back = len <= WRITE_UNIT ? len : 0;
	return 0;
}

/* Keep what is more than a multiple of the alignment. */
static int write_aligned(struct pcapng_writer *w, struct err *e)
{
	return write_out(w, w->len - w->len % SINK_ALIGNMENT, e);
}

int pcapng_writer_flush(struct pcapng_writer *w, struct err *e)
{
	return write_out(w, w->len, e);
}

/* Put what was written last in front of the buffer again. */
static int take_back(struct pcapng_writer *w, struct err *e)
{
	size_t len = w->take_back;

	memmove(w->buf + len, w->buf, w->len);
	w->len += len;
	w->take_back = 0;
	return sink_take_back(&w->sink, w->buf, len, e);
}

static void put_u16(struct text *t, uint16_t v)
{
	text_add_bytes(t, &v, sizeof(v));
}

static void put_u32(struct text *t, uint32_t v)
{
	text_add_bytes(t, &v, sizeof(v));
}

static void put_padding(struct text *t)
{
	static const char zeros[4];

	text_add_bytes(t, zeros, padded(t->len) - t->len);
}

static void put_option(struct text *t, enum pcapng_option code, const void *value, size_t len)
{
	put_u16(t, (uint16_t)code);
	put_u16(t, (uint16_t)len);
	text_add_bytes(t, value, len);
	put_padding(t);
}

static void put_u64_option(struct text *t, enum pcapng_option code, uint64_t v)
{
	put_option(t, code, &v, sizeof(v));
}

/* Times in statistics are two halves, the high one first, in any byte order. */
static void put_time_option(struct text *t, enum pcapng_option code, uint64_t ns)
{
	uint32_t halves[2] = { (uint32_t)(ns >> 32), (uint32_t)ns };

	put_option(t, code, halves, sizeof(halves));
}

/* What of s fits into an option, without cutting a UTF-8 sequence. */
static size_t option_len(const char *s)
{
	size_t len = strlen(s);

	if (len <= MAX_OPTION)
		return len;
	len = MAX_OPTION;
	while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static void put_string_option(struct text *t, enum pcapng_option code, const char *s)
{
	if (s != NULL)
		put_option(t, code, s, option_len(s));
}

static void block_begin(struct text *t, enum pcapng_block type)
{
	put_u32(t, (uint32_t)type);
	put_u32(t, 0);
}

/* Fill in both lengths, and put the block behind what is buffered. */
static int block_end(struct pcapng_writer *w, struct text *t, struct err *e)
{
	uint32_t total = (uint32_t)t->len + 4;
	size_t done = 0;

	memcpy(t->s + 4, &total, sizeof(total));
	put_u32(t, total);
	while (done < total) {
		size_t n = total - done < WRITE_UNIT ? total - done : WRITE_UNIT;

		if (w->len + n > WRITE_UNIT && write_aligned(w, e) != 0)
			break;
		memcpy(w->buf + w->len, t->s + done, n);
		w->len += n;
		done += n;
	}
	text_done(t);
	return done == total ? 0 : -1;
}

static int write_section(struct pcapng_writer *w, const char *application, const char *comment,
			 struct err *e)
{
	struct text t = { 0 };
	struct utsname u;

	block_begin(&t, BLOCK_SECTION);
	put_u32(&t, PCAPNG_MAGIC);
	put_u16(&t, 1);
	put_u16(&t, 0);
	put_u32(&t, UINT32_MAX); /* the section's length is not said */
	put_u32(&t, UINT32_MAX);
	put_string_option(&t, OPTION_COMMENT, comment);
	if (uname(&u) == 0) {
		cleanup_free char *os = text_format("%s %s", u.sysname, u.release);

		put_string_option(&t, SECTION_HARDWARE, u.machine);
		put_string_option(&t, SECTION_OS, os);
	}
	put_string_option(&t, SECTION_APPLICATION, application);
	put_option(&t, OPTION_END, NULL, 0);
	return block_end(w, &t, e);
}

int pcapng_writer_open(const char *path, const char *application, const char *comment,
		       struct pcapng_writer **ret_writer, struct err *e)
{
	cleanup_by(pcapng_writer_freep) struct pcapng_writer *w = array_new(1, sizeof(*w));

	w->buf = aligned_alloc(SINK_ALIGNMENT, BUFFER_SIZE);
	if (w->buf == NULL)
		abort();
	if (sink_open(&w->sink, path, e) != 0 || write_section(w, application, comment, e) != 0)
		return -1;
	*ret_writer = take_ptr(w);
	return 0;
}

/* The first byte of if_filter says what follows: 0 for a string in libpcap's language. */
static void put_filter(struct text *t, const char *filter)
{
	struct text value = { 0 };

	if (filter == NULL)
		return;
	text_add_bytes(&value, "", 1);
	text_add_bytes(&value, filter, option_len(filter));
	if (value.len > MAX_OPTION)
		value.len = MAX_OPTION;
	put_option(t, INTERFACE_FILTER, value.s, value.len);
	text_done(&value);
}

int pcapng_write_interface(struct pcapng_writer *w, const struct pcapng_interface *i, struct err *e)
{
	static const uint8_t resolution = NS_RESOLUTION;
	struct text t = { 0 };
	uint64_t *start = array_add(&w->starts, &w->n_interfaces, &w->starts_room, sizeof(*start));

	*start = i->start_ns;
	block_begin(&t, BLOCK_INTERFACE);
	put_u16(&t, LINKTYPE_ETHERNET);
	put_u16(&t, 0);
	put_u32(&t, i->snaplen);
	put_string_option(&t, INTERFACE_NAME, i->name);
	put_string_option(&t, INTERFACE_DESCRIPTION, i->description);
	if (i->speed_bps != 0)
		put_u64_option(&t, INTERFACE_SPEED, i->speed_bps);
	put_option(&t, INTERFACE_TSRESOL, &resolution, sizeof(resolution));
	put_filter(&t, i->filter);
	put_option(&t, OPTION_END, NULL, 0);
	return block_end(w, &t, e);
}

int pcapng_write_names(struct pcapng_writer *w, const struct pcapng_name *names, size_t n,
		       struct err *e)
{
	struct text t = { 0 };

	if (n == 0)
		return 0;
	block_begin(&t, BLOCK_NAMES);
	for (size_t i = 0; i < n; i++) {
		bool v6 = names[i].family == AF_INET6;
		size_t address_len = v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
		size_t name_len = strlen(names[i].name) + 1;

		put_u16(&t, v6 ? NAME_IPV6 : NAME_IPV4);
		put_u16(&t, (uint16_t)(address_len + name_len));
		text_add_bytes(&t, names[i].address, address_len);
		text_add_bytes(&t, names[i].name, name_len);
		put_padding(&t);
	}
	put_option(&t, (enum pcapng_option)NAME_END, NULL, 0);
	return block_end(w, &t, e);
}

int pcapng_write_statistics(struct pcapng_writer *w, uint32_t interface, uint64_t time_ns,
			    uint64_t received, uint64_t dropped, uint64_t if_dropped, struct err *e)
{
	struct text t = { 0 };
	uint64_t start = interface < w->n_interfaces ? w->starts[interface] : 0;

	block_begin(&t, BLOCK_STATISTICS);
	put_u32(&t, interface);
	put_u32(&t, (uint32_t)(time_ns >> 32));
	put_u32(&t, (uint32_t)time_ns);
	if (start != 0)
		put_time_option(&t, STATISTICS_START, start);
	put_time_option(&t, STATISTICS_END, time_ns);
	put_u64_option(&t, STATISTICS_IFRECV, received);
	put_u64_option(&t, STATISTICS_IFDROP, if_dropped);
	put_u64_option(&t, STATISTICS_OSDROP, dropped);
	put_option(&t, OPTION_END, NULL, 0);
	return block_end(w, &t, e);
}

static uint64_t block_time(const uint8_t *block)
{
	uint32_t halves[2];

	memcpy(halves, block + PACKET_TIME_AT, sizeof(halves));
	return (uint64_t)halves[0] << 32 | halves[1];
}

/* How many bytes at the end of the buffer are packets newer than this time. */
static size_t newer_tail(const struct pcapng_writer *w, uint64_t time_ns, bool *ret_ran_out)
{
	size_t at = w->len;

	for (;;) {
		uint32_t type, total;

		*ret_ran_out = true;
		if (at < sizeof(total))
			break;
		memcpy(&total, w->buf + at - sizeof(total), sizeof(total));
		if (total > at)
			break;
		*ret_ran_out = false;
		memcpy(&type, w->buf + at - total, sizeof(type));
		if (type != BLOCK_PACKET || block_time(w->buf + at - total) <= time_ns)
			break;
		at -= total;
	}
	return w->len - at;
}

/* A gap of this size at the packet's place in the order of time. */
static int make_place(struct pcapng_writer *w, uint64_t time_ns, size_t size, uint8_t **ret_place,
		      struct err *e)
{
	bool ran_out = false;
	size_t tail = 0;

	if (time_ns < w->last_ns)
		tail = newer_tail(w, time_ns, &ran_out);
	else
		w->last_ns = time_ns;
	if (ran_out && w->take_back != 0) {
		if (take_back(w, e) != 0)
			return -1;
		tail = newer_tail(w, time_ns, &ran_out);
	}

	uint8_t *place = w->buf + w->len - tail;

	memmove(place + size, place, tail);
	w->len += size;
	*ret_place = place;
	return 0;
}

static uint8_t *place_option(uint8_t *at, enum pcapng_option code, const void *value, size_t len)
{
	uint16_t head[2] = { (uint16_t)code, (uint16_t)len };

	memcpy(at, head, sizeof(head));
	if (len != 0)
		memcpy(at + sizeof(head), value, len);
	memset(at + sizeof(head) + len, 0, padded(len) - len);
	return at + sizeof(head) + padded(len);
}

static uint8_t *place_options(uint8_t *at, const struct packet *p, size_t comment_len)
{
	uint32_t flags = (uint32_t)p->direction;

	at = place_option(at, PACKET_FLAGS, &flags, sizeof(flags));
	if (p->dropped != 0)
		at = place_option(at, PACKET_DROPCOUNT, &p->dropped, sizeof(p->dropped));
	if (p->id != 0)
		at = place_option(at, PACKET_ID, &p->id, sizeof(p->id));
	if (p->comment != NULL)
		at = place_option(at, OPTION_COMMENT, p->comment, comment_len);
	return place_option(at, OPTION_END, NULL, 0);
}

static size_t options_size(const struct packet *p, size_t comment_len)
{
	size_t size = 8 + 4;

	if (p->dropped != 0)
		size += 12;
	if (p->id != 0)
		size += 12;
	if (p->comment != NULL)
		size += 4 + padded(comment_len);
	return size;
}

int pcapng_write_packet(struct pcapng_writer *w, const struct packet *p, struct err *e)
{
	size_t comment_len = p->comment != NULL ? option_len(p->comment) : 0;
	size_t data_size = padded(p->captured_len);
	size_t size = sizeof(struct packet_head) + data_size + options_size(p, comment_len) + 4;
	struct packet_head head = {
		.type = BLOCK_PACKET,
		.total_len = (uint32_t)size,
		.interface = p->interface,
		.time_high = (uint32_t)(p->time_ns >> 32),
		.time_low = (uint32_t)p->time_ns,
		.captured_len = p->captured_len,
		.original_len = p->original_len,
	};
	uint8_t *at;

	if (p->captured_len > PCAPNG_MAX_PACKET)
		return err_set(e, EMSGSIZE, "write %s: packet of %u bytes", w->sink.path,
			       p->captured_len);
	if (w->len + size > WRITE_UNIT && write_aligned(w, e) != 0)
		return -1;
	if (make_place(w, p->time_ns, size, &at, e) != 0)
		return -1;
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(at, p->data, p->captured_len);
	memset(at + p->captured_len, 0, data_size - p->captured_len);
	at = place_options(at + data_size, p, comment_len);
	memcpy(at, &head.total_len, sizeof(head.total_len));
	return 0;
}

int pcapng_writer_close(struct pcapng_writer *w, struct err *e)
{
	int r = pcapng_writer_flush(w, e);

	if (r == 0)
		r = sink_close(&w->sink, e);
	pcapng_writer_freep(&w);
	return r;
}

void pcapng_writer_freep(struct pcapng_writer **w)
{
	if (*w == NULL)
		return;
	sink_done(&(*w)->sink);
	free((*w)->starts);
	free((*w)->buf);
	free(*w);
	*w = NULL;
}
