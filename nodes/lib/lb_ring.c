#include "lb_ring.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

int lb_ring_new(unsigned n_backends, struct lb_ring **ret_ring, struct fail *f)
{
	assert(n_backends > 0 && n_backends <= LB_BACKENDS_MAX);

	struct lb_ring *ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ring == MAP_FAILED)
		return fail_set(f, errno, "map shared memory");
	ring->n_backends = n_backends;
	*ret_ring = ring;
	return 0;
}

void lb_ring_free(struct lb_ring *ring)
{
	if (ring != NULL)
		munmap(ring, sizeof(*ring));
}

/* When its time has come, the caller who moves the time on is the one to try it. */
static bool is_usable(struct lb_backend_state *b, uint64_t now, uint64_t retry_ns)
{
	uint64_t at = atomic_load_explicit(&b->retry_at, memory_order_relaxed);

	return at == 0 ||
	       (at <= now && atomic_compare_exchange_strong(&b->retry_at, &at, now + retry_ns));
}

static unsigned next_turn(struct lb_ring *ring)
{
	return (unsigned)(atomic_fetch_add_explicit(&ring->ticket, 1, memory_order_relaxed) %
			  ring->n_backends);
}

int lb_ring_pick(struct lb_ring *ring, uint64_t tried, uint64_t now, uint64_t retry_ns)
{
	unsigned n = ring->n_backends, k = 0;

	/* Passing over a backend costs a ticket, so its share is spread over all others. */
	for (unsigned i = 0; i < n; i++) {
		k = next_turn(ring);
		if ((tried & UINT64_C(1) << k) == 0 && is_usable(&ring->backends[k], now, retry_ns))
			return (int)k;
	}
	/* Others drew tickets in between: see that none was missed. */
	for (unsigned i = 0; i < n; i++, k = (k + 1) % n)
		if ((tried & UINT64_C(1) << k) == 0 && is_usable(&ring->backends[k], now, retry_ns))
			return (int)k;
	for (unsigned i = 0; i < n; i++, k = (k + 1) % n)
		if ((tried & UINT64_C(1) << k) == 0)
			return (int)k;
	return -1;
}

void lb_ring_worked(struct lb_ring *ring, unsigned backend)
{
	struct lb_backend_state *b = &ring->backends[backend];

	/* Reading first: the line stays shared between the workers' cores. */
	if (atomic_load_explicit(&b->retry_at, memory_order_relaxed) != 0)
		atomic_store(&b->retry_at, 0);
	b->connections++;
}

void lb_ring_failed(struct lb_ring *ring, unsigned backend, uint64_t now, uint64_t retry_ns)
{
	struct lb_backend_state *b = &ring->backends[backend];

	atomic_store(&b->retry_at, now + retry_ns);
	b->failures++;
}
