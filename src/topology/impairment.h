/*
 * impairment: what one direction of a link does to frames, as the topology file
 * says it, and how faults change it in the middle of a run. Plain data.
 *
 * Probabilities are 0 to 1. A struct of zeros is a clean cable. A frame is judged in this
 * order: cut off (down), too large (mtu), lost (drops, drop_every, loss), then duplicated,
 * corrupted, and then it queues for the rate and is held for its delay.
 */
#ifndef HARNESS_TOPOLOGY_IMPAIRMENT_H
#define HARNESS_TOPOLOGY_IMPAIRMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jitter_shape {
	JITTER_UNIFORM, /* anywhere within delay - jitter to delay + jitter */
	JITTER_NORMAL,	/* standard deviation is the jitter */
	JITTER_PARETO,	/* likewise, with a long tail of late ones (shape 3, mean is the delay) */
	N_JITTER_SHAPES,
};

/* "uniform" ... as the topology file spells them. */
extern const char *const jitter_shape_names[N_JITTER_SHAPES];

/*
 * Datagrams by their numbers in their flow, from 1, first to last included. A flow is named as
 * link logs name it: "udp 10.0.0.1:20000 > 10.0.0.2:10000".
 */
struct drop_range {
	uint64_t first, last;
	char *flow; /* NULL: in every flow of IP */
};

/* Keys of the topology file, one or several fields of struct impairment each. */
enum impairment_key {
	IMPAIRMENT_DELAY,
	IMPAIRMENT_JITTER,
	IMPAIRMENT_JITTER_SHAPE,
	IMPAIRMENT_JITTER_REORDERS,
	IMPAIRMENT_LOSS,
	IMPAIRMENT_DROP,
	IMPAIRMENT_DROP_EVERY,
	IMPAIRMENT_DUPLICATE,
	IMPAIRMENT_REORDER,
	IMPAIRMENT_CORRUPT,
	IMPAIRMENT_RATE,
	IMPAIRMENT_QUEUE,
	IMPAIRMENT_MTU,
	N_IMPAIRMENT_KEYS,
};

struct impairment {
	uint64_t delay_ns;
	uint64_t jitter_ns;
	enum jitter_shape jitter_shape;
	bool jitter_reorders; /* a frame may overtake those before it; else it waits for them */

	double loss; /* of every frame; not with loss_enter */
	/* Gilbert-Elliott, per flow; loss_enter 0: none. */
	double loss_enter, loss_leave; /* from the good state to the bad one and back, per frame */
	double loss_bad, loss_good;    /* of frames in the bad state, in the good one */
	uint64_t drop_every;	       /* every n-th datagram of each flow of IP; 0: none */
	struct drop_range *drops;      /* sorted by nothing: the order of the file */
	size_t n_drops;

	double duplicate;
	/* One bit of the frame, behind its Ethernet header, is flipped. Of frames of IP: ARP has no
	 * checksum, and who believes a damaged answer sends to nobody for minutes. */
	double corrupt;
	double reorder; /* the frame is not held for the delay, and so overtakes others */

	uint64_t rate_bps;	/* bits of Ethernet frames per second, 0: unlimited */
	uint64_t queue_bytes;	/* that may wait for the rate; 0: see queue_packets */
	uint64_t queue_packets; /* likewise; both 0: as many as there is memory for */
	unsigned mtu;		/* IP packets of more bytes are lost, 0: none are */

	bool down; /* every frame is lost: a cable pulled, or a direction that blackholes */

	int lines[N_IMPAIRMENT_KEYS]; /* of the topology file, 0: it has no such key for this */
};

/* Whether frames pass as if there was nothing. */
bool impairment_is_clean(const struct impairment *i);
/* Deep copy; impairment_done() frees what it holds. */
void impairment_copy(struct impairment *to, const struct impairment *from);
void impairment_done(struct impairment *i);

/* Directions of a link, seen from its node. */
enum direction {
	LINK_OUT, /* from the node to the network */
	LINK_IN,  /* from the network to the node */
	N_DIRECTIONS,
};

enum fault_action {
	FAULT_CHANGE,	 /* the link gets other impairments */
	FAULT_DOWN,	 /* both directions of the link lose everything */
	FAULT_UP,	 /* ... and no longer */
	FAULT_BLACKHOLE, /* one direction loses everything */
	FAULT_KILL,	 /* SIGKILL */
	FAULT_PAUSE,	 /* SIGSTOP */
	FAULT_CONTINUE,	 /* SIGCONT */
	FAULT_RESTART,	 /* SIGKILL when it still runs, and the same command again */
	N_FAULT_ACTIONS,
};

/* "change" ... as the topology file spells them. */
extern const char *const fault_action_names[N_FAULT_ACTIONS];

/* The datagrams that a fault counts: of all flows between two nodes to or from this port. */
struct flow_selector {
	size_t from, to; /* indices into topology.nodes */
	uint16_t port;	 /* destination port, 0: any */
};

/* Indices that do not concern a fault are SIZE_MAX. */
#define NO_COMMAND SIZE_MAX
struct fault {
	char *name;
	enum fault_action action;
	/* When: at this time since every program was ready, or, after > 0, when the n-th UDP
	 * datagram of the selected flows has come to the link of `flow.from`. */
	uint64_t at_ns;
	uint64_t after;
	struct flow_selector flow;
	uint64_t for_ns; /* it is undone after that time; 0: it stays */

	/* On a link: change, down, up, blackhole. */
	size_t node, interface;
	bool direction[N_DIRECTIONS];	    /* which are concerned */
	struct impairment to[N_DIRECTIONS]; /* FAULT_CHANGE: what the direction does from then on */

	/* On a program: that of a `program` block, else of a transfer at `node`: its sender or
	 * receiver. */
	size_t command;	 /* index into topology.commands, or NO_COMMAND */
	size_t transfer; /* index into topology.transfers */
	int line;
	int after_line; /* of the key `after`, 0: there is none */
};

/* Whether it is done to a link, rather than to a program. */
bool fault_is_of_link(const struct fault *f);

#endif
