/*
 * array: room for one more element in a heap array whose owner keeps pointer,
 * count and room. Growing aborts when there is no memory.
 *
 *	struct node *n = array_add(&t->nodes, &t->n_nodes, &t->nodes_room, sizeof(*n));
 */
#ifndef HARNESS_BASE_ARRAY_H
#define HARNESS_BASE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The new element, zeroed. *items is a pointer to elements of this size; older ones may move. */
static inline void *array_add(void *items, size_t *n, size_t *room, size_t size)
{
	char *base;

	memcpy(&base, items, sizeof(base));
	if (*n == *room) {
		*room = *room != 0 ? *room * 2 : 8;
		base = reallocarray(base, *room, size);
		if (base == NULL)
			abort();
		memcpy(items, &base, sizeof(base));
	}

	void *added = base + *n * size;

	memset(added, 0, size);
	(*n)++;
	return added;
}

/* calloc() that aborts when there is no memory; 0 elements give a valid pointer. */
static inline void *array_new(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size);

	if (p == NULL)
		abort();
	return p;
}

#endif
