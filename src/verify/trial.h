/*
 * trial: what the parts of verify/ share while one run is judged.
 *
 * trial.c makes it, watch.c shows every datagram of the captures to those who
 * keep an account of it (reassembly, raw, ledger), then each part turns what it
 * knows into its share of the verdict.
 */
#ifndef HARNESS_VERIFY_TRIAL_H
#define HARNESS_VERIFY_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/evidence.h"
#include "topology/topology.h"
#include "verify/decode.h"
#include "verify/judge.h"
#include "verify/source.h"
#include "verify/verdict.h"

/* One file on its way to one receiver: the layers are its verdict's. */
struct delivery {
	size_t transfer; /* index into topology.transfers */
	size_t to;	 /* index into transfer.to */
	size_t file;	 /* index into transfer.files */
	const struct source *source;
	struct file_verdict *verdict;
	uint64_t started_ns, ended_ns; /* since 1970; 0: unknown */
	uint64_t dropped;	       /* DATA that its receiver's kernel had no room for */
};

/* What is known of a capture beyond its evidence. */
struct capture_watch {
	size_t link;	    /* index into evidence.links, SIZE_MAX: its link has no engine */
	bool faces_network; /* nothing impairs frames between it and the network */
	uint64_t read;	    /* packets */
	char *error;	    /* why the file could not be read to its end, or NULL */
};

struct node_address {
	struct ip_address address;
	size_t node;
};

struct node_mac {
	uint8_t mac[6];
	size_t node;
};

/* A router behind which a receiver of the transfer sees the sender: NAT. */
struct translation {
	size_t transfer, node;
};

struct trial {
	const struct topology *topology;
	const struct evidence *evidence;
	const char *folder;
	struct run_verdict *verdict;
	struct source **sources; /* per transfer, per file */
	size_t *first_delivery;	 /* per transfer: then by receiver, then by file */
	struct delivery *deliveries;
	size_t n_deliveries;
	struct capture_watch *captures; /* as evidence.captures */
	bool *watched;			/* per node: the captures of its interfaces are complete */
	uint64_t *rcvbuf; /* per node: datagrams that its kernel had no room for, not blamed yet */
	struct node_address *addresses; /* sorted */
	size_t n_addresses;
	struct node_mac *macs; /* sorted */
	size_t n_macs;
	struct translation *translations;
	size_t n_translations;
	bool cut_short; /* the run did not come to its end, and not because of a program */
	struct reassembly *reassembly;
	struct raw *raw;
	struct book *book;
	struct crossings *crossings;
	struct reports *reports;
};

/* Which interface a datagram of a transfer was captured at. */
enum side {
	AT_SENDER,
	AT_RECEIVER,
};

/* A datagram between the sender and one receiver of a transfer. */
struct sighting {
	size_t transfer, to;
	enum side side;
	bool forward; /* from the sender of the transfer to the receiver */
	const struct datagram *datagram;
};

/* Reads sources, reports and receive folders; fills the verdict with what there is to judge. */
void trial_init(struct trial *t, const struct judge_input *in, struct run_verdict *v);
void trial_donep(struct trial *t);

/* One file of a transfer at one of its receivers, all by their indices. */
struct delivery *trial_delivery(const struct trial *t, size_t transfer, size_t to, size_t file);
/* The node that has this address, or SIZE_MAX. */
size_t trial_node_of(const struct trial *t, const struct ip_address *a);
/* The node that has this link address, or SIZE_MAX. */
size_t trial_node_of_mac(const struct trial *t, const uint8_t mac[6]);
/* "alpine-2/eth0": where the sender's or the receiver's side was captured; returns buf. */
char *trial_place(const struct trial *t, const struct delivery *d, enum side side, char buf[96]);
/*
 * Which way a frame with this source went, on the link of this capture: frames from its node have
 * its link address.
 */
enum direction trial_direction(const struct trial *t, size_t capture, const uint8_t *from_mac);
/* The node on that side. */
size_t trial_side_node(const struct trial *t, const struct delivery *d, enum side side);
/*
 * Whether captures are there to be asked about this side. When not, *l says why: they are
 * off, or hold too little of each packet.
 */
bool trial_captured(const struct trial *t, const struct delivery *d, enum side side,
		    struct layer *l);

/* watch.c: read all captures and show their datagrams around. */
void watch_captures(struct trial *t);

/* captures.c, faults.c, programs.c: verdicts of their own. */
void captures_judge(struct trial *t);
void faults_judge(struct trial *t);
void programs_judge(struct trial *t);
/* metrics.c, then expect.c, which looks at captures' verdicts and metrics, too. */
void metrics_judge(struct trial *t);
void expectations_judge(struct trial *t);
/* files.c: the layers of every file, and what follows from them together. */
void files_judge(struct trial *t);
/* reasons.c: outcome and reasons of the run, from all that was judged. */
void reasons_gather(struct trial *t);

#endif
