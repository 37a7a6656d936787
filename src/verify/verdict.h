/*
 * verdict: what was proved, as plain data; the only thing that reports read.
 *
 * A session is one `harness run`; it has one run_verdict per run of the plan.
 * Strings are owned by the struct they stand in (session_free frees it all);
 * NULL means there is nothing to say.
 */
#ifndef HARNESS_VERIFY_VERDICT_H
#define HARNESS_VERIFY_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "evidence/evidence.h"
#include "topology/impairment.h"
#include "topology/plan.h"

enum outcome {
	OUTCOME_PASS,
	OUTCOME_SKIP,	      /* there is nothing to check, and reason says why */
	OUTCOME_INCONCLUSIVE, /* the evidence itself is incomplete */
	OUTCOME_FAIL,
};

/* "pass", "skip", "inconclusive", "fail". */
const char *outcome_name(enum outcome o);
/* The worse of the two: fail over inconclusive over pass; skip yields to everything. */
enum outcome outcome_worse(enum outcome a, enum outcome b);

/* Bytes or chunks first to last, both included. */
struct range {
	uint64_t first, last;
};

/* Sorted, not touching. */
struct ranges {
	struct range *r;
	size_t n, room;
};

/* Add one position; cheap when positions come in order. */
void ranges_add(struct ranges *r, uint64_t first, uint64_t last);
/* Bytes or chunks covered. */
uint64_t ranges_total(const struct ranges *r);
/* "0-1431, 2864" cut with ", ... (12 more)" after max ranges; free it. */
char *ranges_format(const struct ranges *r, size_t max);
void ranges_done(struct ranges *r);

/* One layer's answer to "is this the source, byte for byte?" */
struct layer {
	enum outcome outcome;
	char *reason; /* one line, of everything but a pass */
	bool has_digest;
	struct sha256 digest; /* of what this layer holds */
	uint64_t size;	      /* bytes, of what this layer holds */
	bool differs;
	uint64_t first_difference; /* offset in bytes, when differs */
	struct ranges missing;	   /* byte ranges of the source that this layer never had */
	struct ranges repeated;	   /* byte ranges that came more than once */
};

/* The datagrams that carried one file to one node. Raw: chunks aligned by content. */
struct datagram_account {
	uint64_t ideal;	      /* DATA datagrams that a clean link needs: ceil(size / chunk) */
	uint64_t sent;	      /* DATA, at the sender's interface */
	uint64_t repairs;     /* of those, sent again */
	uint64_t arrived;     /* DATA, at the receiver's interface, undamaged */
	uint64_t lost;	      /* sent and not delivered to the program */
	uint64_t duplicated;  /* raw: chunks that came again; reliable: packet numbers seen twice */
	uint64_t reordered;   /* arrived behind one that was sent later */
	uint64_t corrupted;   /* checksum or CRC wrong, or matching no chunk of any file */
	uint64_t interleaved; /* raw: times the flow changed from or to another file */
	struct ranges lost_chunks; /* raw: chunk numbers that never arrived, from 0 */
};

/* One file at one receiver. */
struct file_verdict {
	char *transfer;
	char *node; /* the receiver */
	char *file;
	char *source; /* path of the source */
	uint64_t size;
	struct sha256 digest; /* of the source */
	enum outcome outcome;
	char *reason;	       /* the one line to read first */
	struct layer receiver; /* the file that the receiver wrote */
	struct layer capture;  /* the file put together from the receiver-side capture */
	struct layer sender;   /* likewise from the sender-side capture */
	struct layer picture;  /* the PNG itself; skip for other files */
	struct datagram_account datagrams;
	uint64_t time_ns; /* first datagram to confirmed end; 0: unknown */
};

struct program_verdict {
	char *name; /* "alpine-2/udp-recv" */
	char *node;
	enum outcome outcome;
	char *reason;
	char *ended;	  /* "exited 0", "killed by SIGSEGV (core dumped)", "never started" */
	char *log;	  /* path relative to the run's folder */
	char *output;	  /* the last lines of its log, when it failed; NULL otherwise */
	uint64_t time_ns; /* it ran for this long */
};

struct capture_verdict {
	char *name;	      /* "alpine-2/eth0" */
	char *file;	      /* relative to the run's folder */
	enum outcome outcome; /* pass, or inconclusive when anything was dropped */
	char *reason;
	uint64_t packets, bytes, dropped;
};

/* Every UDP datagram that one node sent to another one, between the links of the two. */
struct network_account {
	char *from, *to;
	uint64_t sent;	  /* where the sender's link ends in the network */
	uint64_t arrived; /* where the receiver's link begins */
	uint64_t lost;	  /* sent, never arrived */
	uint64_t unexplained;
};

/* Every frame, of whatever protocol, on one direction of a link with an engine. */
struct link_account {
	char *link;		  /* "alpine-1/eth0" */
	enum direction direction; /* seen from its node */
	char *engine;		  /* "user (packet rings, SCHED_FIFO)" */
	bool captured;		  /* on both sides: before and after are known */
	uint64_t before;	  /* captured in front of the engine */
	uint64_t seen;		  /* by the engine */
	uint64_t lost[N_CAUSES];
	char *rules[N_CAUSES]; /* "loss 30%": why frames are lost by that cause */
	uint64_t duplicated, corrupted, reordered;
	uint64_t after; /* captured behind the engine */
	uint64_t unexplained;
};

/* Every UDP datagram that arrived at a node, and what its kernel did with it. */
struct node_account {
	char *node;
	uint64_t arrived;   /* captured, addressed to this node */
	uint64_t delivered; /* read by programs: the kernel's counter */
	uint64_t rcvbuf;    /* dropped: receive buffer full */
	char *rcvbuf_place; /* whose: "udp-recv, port 10000" */
	uint64_t no_port;   /* nobody had the port */
	uint64_t checksum;  /* dropped: checksum wrong */
	uint64_t malformed; /* dropped: its length is not the one that it names */
	uint64_t unread;    /* still in a receive buffer when its program ended */
	uint64_t unexplained;
};

struct ledger {
	enum outcome outcome; /* skip: captures were off */
	char *reason;
	struct network_account *networks;
	size_t n_networks;
	struct link_account *links;
	size_t n_links;
	struct node_account *nodes;
	size_t n_nodes;
	uint64_t unexplained; /* over all rows; anything but 0 is inconclusive at best */
};

/* A fault of the topology file, and what became of it. */
struct fault_verdict {
	char *name;
	char *action; /* "down alpine-1/eth0 out" */
	char *due;    /* "at 2.0 s", "after 100 datagrams from alpine-1 to alpine-2" */
	enum outcome outcome;
	char *reason;
	bool fired, undone;
	uint64_t fired_ns, undone_ns; /* since every program was ready */
};

/* One condition of an expectation. */
struct condition_verdict {
	enum outcome outcome;
	char *expected; /* "'GET /' on 3 lines" */
	char *found;	/* "on 2 lines" */
	char *nearest;	/* lines: what comes close to it, or what was said last; NULL on a pass */
	char *look;	/* where to look: a path, path:line, or a command; NULL: nowhere */
};

/* A condition on a metric that waits for the run whose value it is compared with. */
struct comparison {
	char *metric;
	struct variable *of; /* its variables that are others than those of this run */
	size_t n_of;
	double low, high; /* of the ratio of the two values */
	bool included;	  /* low and high are good themselves */
	bool judged;	  /* by comparisons_judge() */
};

/* An `expect` block of the topology file. */
struct expectation_verdict {
	char *name;
	char *subject; /* "program server", "page.html at client" */
	char *node;    /* that it is about, or NULL */
	enum outcome outcome;
	char *reason;
	struct condition_verdict *conditions;
	size_t n_conditions;
	struct comparison *awaits; /* another run; NULL: none */
	/* Of HTTP: requests that were lost. */
	uint64_t lost;
	bool lost_open; /* there may have been more */
};

/* A `metric` block of the topology file: what was read. */
struct metric_value {
	char *name;
	char *unit; /* or NULL */
	char *node; /* of its program */
	bool found;
	double value;
	uint64_t samples; /* how often it was found */
	enum outcome outcome;
	char *reason; /* of everything but a pass */
	char *look;   /* the log, and the line when there is one */
};

struct run_verdict {
	char *label;	   /* "mode=multi-thread" */
	char *combination; /* the label without the seed, when runs are repeated; else NULL */
	bool brief;	   /* one of many: run_verdict_shorten() */
	struct variable *variables;
	size_t n_variables;
	char *mode; /* of its transfers: "multi-thread"; "mixed" when they differ; "-" without any */
	char *format;	   /* "reliable", "raw", "mixed", "-" */
	char *folder;	   /* where its evidence lies, below the session's; NULL: it was not kept */
	char *merged;	   /* merged capture, relative to the run's folder, or NULL */
	char *links_table; /* every frame of impaired links (link_table.h), likewise */
	char *command;	   /* the command that repeats this run */
	uint64_t seed;
	enum outcome outcome;
	bool past_deadline;
	bool interrupted;
	char **reasons; /* why it is not a pass, worst first; empty on a pass */
	size_t n_reasons;
	char **notes; /* worth knowing, whatever the outcome (raw: what interleaved with what) */
	size_t n_notes;
	struct file_verdict *files;
	size_t n_files;
	size_t n_files_let_go; /* of a brief one */
	struct program_verdict *programs;
	size_t n_programs;
	struct capture_verdict *captures;
	size_t n_captures;
	struct fault_verdict *faults;
	size_t n_faults;
	struct metric_value *metrics;
	size_t n_metrics;
	struct expectation_verdict *expectations;
	size_t n_expectations;
	struct ledger ledger;
	/* The table's columns: sums over files. */
	uint64_t files_whole;
	uint64_t bytes;	  /* of all files at all receivers, whole ones only */
	uint64_t time_ns; /* first datagram of the first to the end of the last transfer */
	uint64_t datagrams, repairs, lost;
	/* Where the time went. */
	uint64_t lab_ns, transfer_ns, stop_ns, verify_ns, total_ns;
};

struct session {
	char *topology; /* name */
	char *path;	/* of the topology file */
	char *title;	/* or NULL */
	char *command;	/* the command line, quoted for a shell */
	char *version;	/* of the harness */
	char *kernel;	/* "Linux 6.18.44 x86_64" */
	char *folder;	/* captures/TOPOLOGY/TIME */
	char *started;	/* RFC 3339, with offset */
	uint64_t started_real_ns;
	uint64_t duration_ns;
	bool interrupted;
	enum outcome outcome;
	int exit_status;
	struct run_verdict *runs;
	size_t n_runs; /* judged so far: fewer than planned when interrupted */
	size_t n_planned;
	size_t jobs;   /* at most so many runs at the same time */
	size_t repeat; /* runs of each combination, with one seed after the other; 0: not asked for */
};

/* "out", "in". */
const char *direction_name(enum direction d);
/* Frames that the link lost, by all causes. */
uint64_t link_account_lost(const struct link_account *a);
/* The metric of this name, or NULL. */
const struct metric_value *run_verdict_metric(const struct run_verdict *r, const char *name);
/* Add a reason or note to a run; takes the string. */
void run_verdict_reason(struct run_verdict *r, char *reason);
void run_verdict_note(struct run_verdict *r, char *note);
/*
 * Let go of what takes memory: files, programs, captures, expectations, rows of the ledger, all
 * reasons but the first, notes. Metrics and what sums the others up stay. For the many runs of a
 * session that repeats them.
 */
void run_verdict_shorten(struct run_verdict *r);
void run_verdict_done(struct run_verdict *r);
void session_done(struct session *s);

#endif
