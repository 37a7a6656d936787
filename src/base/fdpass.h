/* fdpass: short messages with descriptors between processes, unix(7). For sockets that keep messages apart. */
#ifndef HARNESS_BASE_FDPASS_H
#define HARNESS_BASE_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 8

/* Never waits: -1 and errno when there is no room, or nobody to read it. */
int fdpass_send(int socket, const void *bytes, size_t len, const int *fds, size_t n_fds);
/*
 * As recv(2). *ret_n_fds descriptors that came with it, at most max (up to FDPASS_MAX), are the
 * caller's, close-on-exec; those beyond are closed.
 */
ssize_t fdpass_receive(int socket, void *bytes, size_t room, int *ret_fds, size_t max,
		       size_t *ret_n_fds, int flags);

#endif
