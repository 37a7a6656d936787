/*
 * fail: what went wrong, by value, in the node programs.
 *
 * A function that can fail takes a struct fail * last, returns 0 or -1 and
 * fills it on -1. A child process can leave one in shared memory. Only the
 * programs' main files print.
 */
#ifndef NODES_FAIL_H
#define NODES_FAIL_H

struct fail {
	int num; /* an errno value, or 0 */
	char msg[252];
};

/* Record a message; with num != 0, ": strerror(num)" is appended. Returns -1. */
int fail_set(struct fail *f, int num, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
