/*
 * cleanup: what a scope owns is released when the scope ends.
 *
 *	cleanup_close int fd = open(...);
 *	cleanup_free char *path = strdup(...);
 *	cleanup_by(lab_freep) struct lab *lab = NULL;
 *
 * Order of declarations is the teardown plan, last first. take_fd() and
 * take_ptr() hand ownership on.
 */
#ifndef HARNESS_BASE_CLEANUP_H
#define HARNESS_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup_by(f)	 __attribute__((cleanup(f)))
#define cleanup_free	 cleanup_by(cleanup_freep)
#define cleanup_close	 cleanup_by(cleanup_closep)
#define cleanup_fclose	 cleanup_by(cleanup_fclosep)
#define cleanup_closedir cleanup_by(cleanup_closedirp)

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

static inline void cleanup_closedirp(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
}

/* The descriptor, and -1 in its place: the caller of the scope owns it now. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* The pointer, and NULL in its place. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken__ = (p);                                                       \
		(p) = NULL;                                                                        \
		taken__;                                                                           \
	})

#endif
