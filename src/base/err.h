/*
 * err: what went wrong, by value.
 *
 * A function that can fail takes a struct err * last, returns 0 or -1 and fills
 * it on -1. The message is recorded where the failure happens ("verb object",
 * lower case) and gets context in front of it on the way up. No heap is
 * involved, so a child can write() a whole struct err to its parent. Only
 * main() prints.
 */
#ifndef HARNESS_BASE_ERR_H
#define HARNESS_BASE_ERR_H

/* What the process should exit with when this error ends it. */
enum err_class {
	ERR_USAGE = 2,	 /* the command line or the topology is wrong */
	ERR_MACHINE = 3, /* this machine cannot do it, or evidence is incomplete */
};

struct err {
	int num;   /* an errno value, or 0 */
	int class; /* enum err_class, 0 counts as ERR_MACHINE */
	char msg[1016];
};

/* Record a message; with num != 0, ": strerror(num)" is appended. Returns -1. */
int err_set(struct err *e, int num, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As err_set() with class ERR_USAGE: the user's input is wrong. Returns -1. */
int err_usage(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "context: " in front of the message. Returns -1. */
int err_prefix(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
