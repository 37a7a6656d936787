/* scope: what a scope owns is released when the scope ends; and the clocks. */
#ifndef NODES_SCOPE_H
#define NODES_SCOPE_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define scope_by(f) __attribute__((cleanup(f)))
#define scope_free  scope_by(scope_freep)
#define scope_close scope_by(scope_closep)

#define NS_PER_SEC UINT64_C(1000000000)
#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_US  UINT64_C(1000)

static inline void scope_freep(void *p)
{
	free(*(void **)p);
}

static inline void scope_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* The descriptor, and -1 in its place: the caller of the scope owns it now. */
static inline int scope_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* calloc() that aborts when there is no memory; 0 elements give a valid pointer. */
static inline void *scope_alloc(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size);

	if (p == NULL)
		abort();
	return p;
}

static inline uint64_t time_of_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* CLOCK_MONOTONIC, nanoseconds: for timers. */
static inline uint64_t time_now(void)
{
	return time_of_clock(CLOCK_MONOTONIC);
}

/* CLOCK_REALTIME, nanoseconds since 1970: for reports. */
static inline uint64_t time_real(void)
{
	return time_of_clock(CLOCK_REALTIME);
}

static inline uint64_t time_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
