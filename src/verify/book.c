#include "verify/book.h"

#include <string.h>

#include "base/array.h"
#include "verify/crc32c.h"
#include "verify/ledger.h"
#include "verify/under_way.h"

/* Bytes of payload that tell datagrams apart: more than the transfer protocol's header. */
#define PREFIX 64

struct book {
	struct under_way *under_way;
	struct book_way *ways;
	size_t n_ways, ways_room;
	struct book_node *nodes;
	size_t last_way;
};

struct book *book_new(size_t n_nodes)
{
	struct book *b = array_new(1, sizeof(*b));

	b->under_way = under_way_new();
	b->nodes = array_new(n_nodes, sizeof(*b->nodes));
	return b;
}

/* The UDP header with its checksum, the first bytes, and who sent it to whom. */
static uint64_t key_of(size_t from, size_t to, const struct datagram *d)
{
	size_t len = d->captured < PREFIX ? d->captured : PREFIX;
	uint32_t content = crc32c(0, d->udp, 8 + len);
	uint32_t way = crc32c((uint32_t)(from * 65599 + to), d->to.bytes, sizeof(d->to.bytes));

	return (uint64_t)content << 32 | way;
}

static struct book_way *find_way(struct book *b, size_t from, size_t to)
{
	size_t i = b->last_way;

	if (i < b->n_ways && b->ways[i].from == from && b->ways[i].to == to)
		return &b->ways[i];
	for (i = 0; i < b->n_ways; i++)
		if (b->ways[i].from == from && b->ways[i].to == to)
			break;
	b->last_way = i;
	if (i < b->n_ways)
		return &b->ways[i];

	struct book_way *w = array_add(&b->ways, &b->n_ways, &b->ways_room, sizeof(*w));

	w->from = from;
	w->to = to;
	return w;
}

void book_sent(struct book *b, size_t from, size_t to, const struct datagram *d)
{
	struct book_way *w = find_way(b, from, to);

	w->sent++;
	w->matched += under_way_change(b->under_way, key_of(from, to, d), 1);
}

void book_arrived(struct book *b, size_t from, size_t to, const struct datagram *d)
{
	struct book_way *w = find_way(b, from, to);

	w->arrived++;
	w->matched += under_way_change(b->under_way, key_of(from, to, d), -1);
}

void book_came(struct book *b, size_t node)
{
	b->nodes[node].arrived++;
}

void book_perhaps(struct book *b, size_t node)
{
	b->nodes[node].perhaps++;
}

void book_malformed(struct book *b, size_t node)
{
	b->nodes[node].arrived++;
	b->nodes[node].malformed++;
}

void book_late(struct book *b, size_t node)
{
	b->nodes[node].late++;
}

void book_judge(const struct book *b, struct trial *t)
{
	ledger_judge(t, b->ways, b->n_ways, b->nodes);
}

void book_freep(struct book **b)
{
	if (*b == NULL)
		return;
	under_way_free((*b)->under_way);
	free((*b)->ways);
	free((*b)->nodes);
	free(*b);
	*b = NULL;
}
