#include "verify/book.h"

#include <string.h>

#include "base/array.h"
#include "verify/crc32c.h"
#include "verify/ledger.h"

/* Bytes of payload that tell datagrams apart: more than the transfer protocol's header. */
#define PREFIX 64

/* What is under way with the same key: how often it left minus how often it arrived. */
struct under_way {
	uint64_t key; /* 0: free */
	int64_t n;
};

struct book {
	struct under_way *slots;
	size_t size, used;
	struct book_link *links;
	size_t n_links, links_room;
	struct book_node *nodes;
	size_t last_link;
};

struct book *book_new(size_t n_nodes)
{
	struct book *b = array_new(1, sizeof(*b));

	b->size = 1024;
	b->slots = array_new(b->size, sizeof(*b->slots));
	b->nodes = array_new(n_nodes, sizeof(*b->nodes));
	return b;
}

/* The UDP header with its checksum, the first bytes, and who sent it to whom. */
static uint64_t key_of(size_t from, size_t to, const struct datagram *d)
{
	size_t len = d->captured < PREFIX ? d->captured : PREFIX;
	uint32_t content = crc32c(0, d->udp, 8 + len);
	uint32_t way = crc32c((uint32_t)(from * 65599 + to), d->to.bytes, sizeof(d->to.bytes));
	uint64_t key = ((uint64_t)content << 32 | way) * UINT64_C(0x9e3779b97f4a7c15);

	return key != 0 ? key : 1;
}

static size_t slot_of(const struct book *b, uint64_t key)
{
	size_t at = (size_t)(key >> 20) & (b->size - 1);

	while (b->slots[at].key != 0 && b->slots[at].key != key)
		at = (at + 1) & (b->size - 1);
	return at;
}

static void grow(struct book *b)
{
	struct under_way *old = b->slots;
	size_t n = b->size;

	b->size *= 2;
	b->slots = array_new(b->size, sizeof(*b->slots));
	for (size_t i = 0; i < n; i++)
		if (old[i].key != 0)
			b->slots[slot_of(b, old[i].key)] = old[i];
	free(old);
}

/* Knuth, The Art of Computer Programming, 6.4, algorithm R: no graves are left behind. */
static void free_slot(struct book *b, size_t at)
{
	size_t mask = b->size - 1;

	for (size_t next = (at + 1) & mask; b->slots[next].key != 0; next = (next + 1) & mask) {
		size_t home = (size_t)(b->slots[next].key >> 20) & mask;

		if (((next - home) & mask) < ((next - at) & mask))
			continue;
		b->slots[at] = b->slots[next];
		at = next;
	}
	b->slots[at] = (struct under_way){ 0 };
	b->used--;
}

/* Returns how many were under way, or had come too many (negative), before this. */
static int64_t change(struct book *b, uint64_t key, int64_t by)
{
	size_t at = slot_of(b, key);
	int64_t before = b->slots[at].n;

	if (b->slots[at].key == 0) {
		b->slots[at].key = key;
		b->used++;
	}
	b->slots[at].n += by;
	if (b->slots[at].n == 0)
		free_slot(b, at);
	else if (b->used * 2 > b->size)
		grow(b);
	return before;
}

static struct book_link *find_link(struct book *b, size_t from, size_t to)
{
	size_t i = b->last_link;

	if (i < b->n_links && b->links[i].from == from && b->links[i].to == to)
		return &b->links[i];
	for (i = 0; i < b->n_links; i++)
		if (b->links[i].from == from && b->links[i].to == to)
			break;
	b->last_link = i;
	if (i < b->n_links)
		return &b->links[i];

	struct book_link *l = array_add(&b->links, &b->n_links, &b->links_room, sizeof(*l));

	l->from = from;
	l->to = to;
	return l;
}

void book_sent(struct book *b, size_t from, size_t to, const struct datagram *d)
{
	struct book_link *l = find_link(b, from, to);

	l->sent++;
	l->matched += change(b, key_of(from, to, d), 1) < 0;
}

void book_arrived(struct book *b, size_t from, size_t to, const struct datagram *d)
{
	/* /proc/net/snmp, which this will be compared with, is about IPv4. */
	b->nodes[to].arrived += d->v4;
	if (from == SIZE_MAX)
		return;

	struct book_link *l = find_link(b, from, to);

	l->arrived++;
	l->matched += change(b, key_of(from, to, d), -1) > 0;
}

void book_late(struct book *b, size_t node)
{
	b->nodes[node].late++;
}

void book_judge(const struct book *b, struct trial *t)
{
	ledger_judge(t, b->links, b->n_links, b->nodes);
}

void book_freep(struct book **b)
{
	if (*b == NULL)
		return;
	free((*b)->slots);
	free((*b)->links);
	free((*b)->nodes);
	free(*b);
	*b = NULL;
}
