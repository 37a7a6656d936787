#include "lab/hosts.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "topology/address.h"
#include "topology/path.h"

struct ranked {
	const struct address *address;
	size_t rank, order;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static size_t rank(const struct topology *t, size_t from, size_t of, const struct address *a)
{
	if (from == of)
		return 0;
	return address_is_link_local(a) ? PATH_NONE : path_length(t, from, a);
}

static size_t count_addresses(const struct node *n)
{
	size_t count = 0;

	for (size_t i = 0; i < n->n_interfaces; i++)
		count += n->interfaces[i].n_addresses;
	return count;
}

static void add_names(struct text *out, const struct topology *t, size_t from, size_t of)
{
	const struct node *n = &t->nodes[of];
	size_t count = count_addresses(n), k = 0;
	cleanup_free struct ranked *all = array_new(count, sizeof(*all));
	char buf[ADDRESS_TEXT_LEN];

	for (size_t i = 0; i < n->n_interfaces; i++)
		for (size_t a = 0; a < n->interfaces[i].n_addresses; a++, k++)
			all[k] = (struct ranked){ .address = &n->interfaces[i].addresses[a],
						  .order = k };
	/* Ranks take a look at the whole lab, and of one address there is nothing to choose. */
	for (k = 0; count > 1 && k < count; k++)
		all[k].rank = rank(t, from, of, all[k].address);
	if (count > 1)
		qsort(all, count, sizeof(*all), by_rank);
	for (k = 0; k < count; k++)
		text_add(out, "%s\t%s\n", address_format_host(buf, all[k].address), n->name);
}

void hosts_add(struct text *out, const struct topology *t, size_t node)
{
	text_add(out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n");
	for (size_t n = 0; n < t->n_nodes; n++)
		add_names(out, t, node, n);
}
