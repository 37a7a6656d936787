/*
 * option: the command line. Functions for a value return 0, or -1 with a message naming the value.
 */
#ifndef NODES_OPTION_H
#define NODES_OPTION_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"

/* The long options of one program. Short ones have none: these lines stand in topology files. */
struct option_set {
	const char *program; /* as messages begin */
	const char *help;
	const struct option *options; /* as getopt_long(3) takes them, --help and --version too */
	int (*set)(void *object, int opt, struct fail *f); /* optarg is its value */
};

/* What `val` these two have. */
#define OPT_HELP    1000
#define OPT_VERSION 1001

/* The last rows of every table of options. */
#define OPTION_LAST_ROWS                                                                           \
	{ "help", no_argument, NULL, OPT_HELP }, { "version", no_argument, NULL, OPT_VERSION },    \
	{                                                                                          \
		NULL, 0, NULL, 0                                                                   \
	}

/*
 * Read them; optind is where the rest begins. 0: go on; otherwise *ret_status is the exit status:
 * --help and --version were answered, or the mistake was told.
 */
int options_read(const struct option_set *set, void *object, int argc, char **argv,
		 int *ret_status);
/* For a program that takes nothing else: the same for what is left. */
int options_refuse_rest(const struct option_set *set, int argc, char **argv);
/* A mistake that only all options together show; returns -1. */
int options_complain(const struct option_set *set, const char *mistake);

/* A whole number from least to most. */
int option_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret, struct fail *f);
/* "100mbit", "2.5gbit", "9600bit", "9600": bits per second, powers of 1000, at least 1. */
int option_rate(const char *text, uint64_t *ret_bps, struct fail *f);
/* "64MiB", "10MB", "1000": bytes. */
int option_size(const char *text, uint64_t *ret_bytes, struct fail *f);
/* "2.5": seconds, as nanoseconds, at least 1 ms. */
int option_seconds(const char *text, uint64_t *ret_ns, struct fail *f);
/* The index of text among n words. */
int option_word(const char *text, const char *const *words, size_t n, size_t *ret, struct fail *f);

#endif
