/*
 * evidence: what one run left behind, beside its files, as plain data.
 *
 * The harness makes one before it forks the supervisor of the run; it lives in
 * shared memory, so what the supervisor and the recorder wrote is there to be
 * judged whatever killed them. Written by lab, program, capture and run; read
 * by verify. No pointers leave the mapping, strings are fixed arrays.
 */
#ifndef HARNESS_EVIDENCE_EVIDENCE_H
#define HARNESS_EVIDENCE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* How far the run came; each stage is written when it begins. */
enum run_stage {
	STAGE_NEW,	 /* the supervisor has not started */
	STAGE_LAB,	 /* namespaces and links are being made */
	STAGE_RECORDER,	 /* captures are being opened */
	STAGE_RECEIVERS, /* receivers were started and are not all ready */
	STAGE_TRANSFER,	 /* senders run */
	STAGE_STOPPING,	 /* senders have ended, receivers are told to */
	STAGE_DRAINING,	 /* no program is left, captures are drained */
	STAGE_DONE,	 /* everything below is complete */
};

/* The programs of transfers have these roles; of others the one that listens is a receiver. */
enum program_role {
	ROLE_SENDER,   /* runs to its end */
	ROLE_RECEIVER, /* is there first, and runs until it is told to stop */
};

/* Of a program that belongs to no transfer. */
#define NO_TRANSFER SIZE_MAX

/* What became of a program. */
enum program_state {
	PROGRAM_NEW,	 /* not started (see error when starting it failed) */
	PROGRAM_RUNNING, /* pid is valid; also when the supervisor died before it ended */
	PROGRAM_EXITED,	 /* status is its exit status */
	PROGRAM_KILLED,	 /* status is the signal that ended it */
};

/* Of a log, which may have 64 million lines in 64 MiB, so many have their times. */
#define MAX_LOG_TIMES 1000000

struct program_evidence {
	char name[96];	 /* "alpine-2/udp-recv" */
	size_t node;	 /* index into topology.nodes */
	size_t transfer; /* index into topology.transfers, or NO_TRANSFER */
	enum program_role role;
	enum program_state state;
	int status;
	pid_t pid;		/* as the lab sees it */
	bool ready;		/* its socket was bound (receivers) */
	bool told_to_stop;	/* SIGTERM was sent by the harness before it ended */
	bool ignored_stop;	/* ... and SIGKILL had to follow */
	bool past_deadline;	/* it still ran when the run's deadline passed */
	bool past_own_deadline; /* it still ran when its own deadline passed */
	bool restart;		/* a fault wants it to run again */
	unsigned restarts;	/* how often it was; all else here is of the last time */
	size_t killed_by;	/* number of the fault that did, from 1; 0: none */
	size_t missed;		/* it was not started for want of this server, from 1; 0: none */
	unsigned left_behind;	/* processes that outlived it */
	char left_name[16];	/* the command name of one of those */
	uint64_t started_ns, ready_ns, ended_ns; /* CLOCK_MONOTONIC, 0: never */
	char error[256];			 /* why it could not be started, or "" */
	/*
	 * Standard output and error, a path relative to the run's folder. Of `program` blocks:
	 * beside it lies NAME.times instead of NAME.log, which has for each line of the log the
	 * time when its first byte came, seconds since 1970 as "1700000000.123456789"; of the
	 * first MAX_LOG_TIMES lines.
	 */
	char log[256];
	uint64_t output;      /* bytes that it wrote, when there is a NAME.times */
	uint64_t output_kept; /* of those, in the log; less than output: the middle is left out */
	unsigned ready_lines; /* that matched its ready-output */
	bool out_of_memory;   /* the kernel killed it at its limit of memory */
	char unlimited[256];  /* why its cpus or memory could not be limited, or "" */
	char report[256];     /* its --report file, likewise; "" when it is not one of ours */
};

/* A socket of a receiver, as sock_diag showed it just before the program was told to stop. */
struct socket_evidence {
	bool seen;
	uint64_t drops;	 /* datagrams dropped because its receive buffer was full (sk_drops) */
	uint64_t queued; /* bytes not read yet */
	uint64_t buffer; /* bytes, sk_rcvbuf */
	/* Of TCP, of the ports that its block names. */
	uint64_t unaccepted;  /* connections that it had not accepted */
	uint64_t unread;      /* bytes in connections that it had not read */
	uint64_t unread_from; /* so many connections */
};

/* One node's UDP counters of /proc/net/snmp (RFC 4113, and Linux's own), end minus start. */
struct udp_counters {
	uint64_t in_datagrams;	/* handed to programs */
	uint64_t no_ports;	/* arrived for a port that nobody had */
	uint64_t in_errors;	/* all receive errors, the next two included */
	uint64_t rcvbuf_errors; /* receive buffer full */
	uint64_t csum_errors;	/* checksum wrong */
	uint64_t out_datagrams;
	uint64_t sndbuf_errors;
	uint64_t reasm_fails; /* Ip: ReasmFails */
	uint64_t loopback;    /* packets that the node sent to itself, of any protocol */
};

struct node_evidence {
	bool counted; /* the counters were read at both ends of the run */
	struct udp_counters udp;
};

/*
 * One captured interface. A link with an engine is captured on both sides: at the node's
 * interface, and at the port of the network that it leads to.
 */
struct capture_evidence {
	size_t node;	     /* index into topology.nodes */
	size_t interface;    /* index into node.interfaces */
	bool far;	     /* the network's side of its link */
	char name[96];	     /* "alpine-2/eth0", "Hub1/alpine-2.eth0" for the far side */
	char device[16];     /* far: the port's name in the supervisor's network namespace */
	char file[256];	     /* relative to the run's folder */
	bool complete;	     /* drained and closed */
	uint64_t packets;    /* written */
	uint64_t bytes;	     /* written, of packets */
	uint64_t received;   /* ps_recv of libpcap: passed the filter */
	uint64_t dropped;    /* ps_drop: no room in the buffer */
	uint64_t if_dropped; /* ps_ifdrop */
	uint64_t passed; /* packets that the interface counted in and out meanwhile; 0: not read */
	size_t buffer;	 /* bytes, as asked for */
	char error[256]; /* why it is not complete, or "" */
};

enum link_engine {
	ENGINE_USER,  /* link/wire.h */
	ENGINE_NETEM, /* the kernel's, tc-netem(8) */
};

/* How the user engine gets frames from the kernel and back, best first. */
enum ring_kind {
	RING_PACKET, /* AF_PACKET, TPACKET_V2 rings both ways */
	RING_XDP,    /* AF_XDP in copy mode */
	RING_SOCKET, /* AF_PACKET, recvmmsg(2) and sendmmsg(2) */
	N_RINGS,
};

/* Why a link lost a frame, in the order in which it is asked. */
enum link_cause {
	CAUSE_NONE,
	CAUSE_DOWN,    /* the link, or this direction of it, was down */
	CAUSE_MTU,     /* larger than the link lets through */
	CAUSE_LISTED,  /* named by `drop` */
	CAUSE_EVERY,   /* the n-th again */
	CAUSE_LOSS,    /* drawn, by percentage */
	CAUSE_BURST,   /* drawn, Gilbert-Elliott */
	CAUSE_QUEUE,   /* the queue before the rate was full */
	CAUSE_MEMORY,  /* the engine had no memory to hold it */
	CAUSE_STOPPED, /* still held when the run was over */
	N_CAUSES,
};

/* How late frames left, compared with when they were due: bucket n counts 2^n ns and more. */
#define LATE_BUCKETS 40

/* Frames on one direction of a link with an engine. */
struct direction_evidence {
	uint64_t arrived; /* at the engine */
	uint64_t left;	  /* put on the other end, duplicates included */
	uint64_t lost[N_CAUSES];
	uint64_t duplicated, corrupted, reordered;
	uint64_t held;	  /* now */
	uint64_t missed;  /* the kernel had no room for them in the engine's ring */
	uint64_t refused; /* the kernel did not take them back */
	uint64_t late[LATE_BUCKETS];
	uint64_t latest_ns;
};

struct link_evidence {
	size_t node;	  /* index into topology.nodes */
	size_t interface; /* index into node.interfaces */
	char name[96];	  /* "alpine-2/eth0" */
	enum link_engine engine;
	enum ring_kind ring;			 /* user */
	struct direction_evidence directions[2]; /* by enum direction */
};

struct wire_evidence {
	bool fifo;     /* it ran under SCHED_FIFO: its timing is as good as it gets */
	bool complete; /* every frame has a decision in the log */
	char log[64];  /* relative to the run's folder */
	/* Between these times, since 1970, everything that came to a link passed its engine. */
	uint64_t opened_ns, closed_ns;
	char error[256];
};

struct fault_evidence {
	uint64_t fired_ns;  /* CLOCK_MONOTONIC, 0: never */
	uint64_t undone_ns; /* likewise */
	char error[256];    /* why it could not be done, or "" */
};

struct evidence {
	enum run_stage stage;
	bool failed; /* the run could not be carried out: see error */
	struct err error;
	bool interrupted;	  /* SIGINT or SIGTERM came to the harness */
	int supervisor_signal;	  /* what killed the supervisor, 0: nothing did */
	bool past_deadline;	  /* of the whole run */
	uint64_t started_real_ns; /* CLOCK_REALTIME */
	/* CLOCK_MONOTONIC; 0: never reached */
	uint64_t started_ns, lab_up_ns, recording_ns, performed_ns, ready_ns, sent_ns, stopped_ns,
		drained_ns, ended_ns;
	char merged[64];  /* the merged capture, relative to the run's folder, or "" */
	bool offloads_on; /* captures off: super-packets travel whole */

	size_t n_programs;
	struct program_evidence *programs;
	struct socket_evidence *sockets; /* as programs, of receivers */
	size_t n_nodes;			 /* as topology.nodes */
	struct node_evidence *nodes;
	/* One per interface of every node, in topology order, then those of the far sides; 0: off. */
	size_t n_captures;
	struct capture_evidence *captures;
	size_t n_links; /* those with an engine, in topology order */
	struct link_evidence *links;
	struct wire_evidence wire;
	size_t n_faults; /* as topology.faults */
	struct fault_evidence *faults;
	size_t size; /* bytes of the mapping */
};

/* How many of each there is room for. */
struct evidence_sizes {
	size_t n_programs, n_nodes, n_captures, n_links, n_faults;
};

/* All of it zeroed, in memory shared with children forked later (evidence_free). */
int evidence_new(const struct evidence_sizes *sizes, struct evidence **ret_evidence, struct err *e);
void evidence_free(struct evidence *ev);
void evidence_freep(struct evidence **ev);

#endif
