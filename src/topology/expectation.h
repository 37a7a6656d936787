/*
 * expectation: what the blocks `expect` and `metric` of a topology file say should come of a run,
 * and what is read from it. Plain data; expressions are kept as text, and were compiled once to see
 * that they can be. verify/expect.h judges them.
 */
#ifndef HARNESS_TOPOLOGY_EXPECTATION_H
#define HARNESS_TOPOLOGY_EXPECTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "topology/impairment.h"

/* From low to high, both included; high UINT64_MAX: no end. */
struct amount {
	uint64_t low, high;
};

static inline bool amount_holds(const struct amount *a, uint64_t n)
{
	return n >= a->low && n <= a->high;
}

/* Which of a set of exit statuses, as $? of a shell has them: 128 + n for signal n. */
#define N_STATUSES 256
struct exit_set {
	bool has[N_STATUSES];
};

enum condition_kind {
	EXPECT_EXIT,	/* of the program: a status of the set */
	EXPECT_OUTPUT,	/* so many lines of the program match */
	EXPECT_ABSENT,	/* no line of the program does */
	EXPECT_EXISTS,	/* the file is there, or is not */
	EXPECT_SAME_AS, /* it has the same bytes as that one */
	EXPECT_SHA256,
	EXPECT_PNG,	    /* it is a good picture, or is none */
	EXPECT_SIZE,	    /* bytes of the file */
	EXPECT_PACKETS,	    /* so many packets of the capture are meant */
	EXPECT_BYTES,	    /* so many bytes of them */
	EXPECT_CONNECTIONS, /* so many TCP connections were begun */
	/* so many more connections, or with http right answers, at the capture with most than at that
	 * with fewest */
	EXPECT_SPREAD,
	EXPECT_RESPONSES, /* so many HTTP answers have the bytes of their file, and none others */
	EXPECT_LOST,	  /* so many requests whose server ended before they were answered */
	EXPECT_LOST_IN,	  /* no more of those than another expectation has found */
	EXPECT_METRIC,	  /* the value is between these */
	EXPECT_ORDER,	  /* the events came one after the other */
	N_CONDITION_KINDS,
};

struct condition {
	enum condition_kind kind;
	char *text;		  /* OUTPUT, ABSENT: the expression; SAME_AS: a path that opens */
	struct amount amount;	  /* of what is counted */
	struct exit_set statuses; /* EXIT */
	bool wanted;		  /* EXISTS, PNG: it is, or is not */
	struct sha256 digest;	  /* SHA256 */
	/* METRIC: the value, or with `of` the ratio to that of the other run; infinite: no limit. */
	double low, high;
	bool included; /* low and high are good themselves */
};

enum event_kind {
	EVENT_STARTED,
	EVENT_READY,
	EVENT_ENDED,
	EVENT_OUTPUT, /* a line matches the expression */
	EVENT_FAULT,  /* it happened */
	N_EVENT_KINDS,
};

struct event {
	enum event_kind kind;
	bool of_transfer;
	size_t index; /* into topology.commands, .transfers or .faults */
	char *text;   /* OUTPUT: the expression */
};

/* A variable of `vary` and the value that it has in the run that is meant. */
struct pinned {
	char *name, *value;
};

/* The interface that a capture is of. */
struct captured {
	size_t node, interface;
};

/* One `expect` block. Indices that do not concern it are SIZE_MAX. */
struct expectation {
	char *name;
	size_t program; /* index into topology.commands */
	size_t node;	/* of a file, or of the first capture */
	struct captured *captures;
	size_t n_captures;
	char *file;   /* absolute, or below the folder of the node */
	char *filter; /* pcap-filter(7), or NULL */
	int filter_line;
	bool directed; /* only packets of this direction */
	enum direction direction;
	uint64_t from_ns,
		until_ns; /* since all programs were ready; until UINT64_MAX: to the end */
	char *http;	/* the folder that answers are compared with: a path that opens; or NULL */
	double sample;	/* the share of connections that is looked at */
	size_t lost_in; /* index into topology.expectations, less than its own */
	size_t metric;	/* index into topology.metrics */
	struct pinned *of;
	size_t n_of;
	struct event *events;
	size_t n_events;
	struct condition *conditions;
	size_t n_conditions;
	int line;
};

enum metric_take {
	TAKE_LAST,
	TAKE_FIRST,
	TAKE_MIN,
	TAKE_MAX,
	TAKE_SUM,
	TAKE_MEAN,
	TAKE_MEDIAN,
	TAKE_COUNT,
	N_TAKES,
};

/* "last" ... as the topology file spells them. */
extern const char *const metric_take_names[N_TAKES];

/* A number that is read from the output of a program. */
struct metric {
	char *name;
	size_t program; /* index into topology.commands */
	char *output;	/* an expression; its group `value`, or else its first, is the number */
	char *unit;	/* or NULL */
	enum metric_take take; /* which, when it is found more than once */
	double scale;	       /* what it is multiplied by */
	int line;
};

void expectation_done(struct expectation *e);
void metric_done(struct metric *m);

#endif
