/*
 * status: what a lab that is up says of itself, as data and as JSON (harness-lab/1), which is how
 * it travels from its keeper to whoever asks.
 */
#ifndef HARNESS_LIVE_STATUS_H
#define HARNESS_LIVE_STATUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct interface_status {
	char *name, *network, *mac;
	char *addresses; /* with spaces between them */
};

struct node_status {
	char *name;
	struct interface_status *interfaces;
	size_t n_interfaces;
};

struct program_status {
	char *name, *node;
	char *state;   /* "running", "exited", "killed", "new" */
	int status;    /* exit status or signal */
	pid_t pid;     /* inside the lab */
	char *listens; /* "tcp/80", with spaces between several; or "" */
	char *log;     /* absolute path */
};

struct lab_status {
	char *name;
	char *topology; /* path as given */
	char *run;	/* label of the combination */
	char *state;	/* "up", "stopping" */
	char *folder;	/* of the evidence, absolute */
	uid_t uid;
	pid_t pid;	  /* of the keeper */
	uint64_t since_s; /* 1970 */
	struct node_status *nodes;
	size_t n_nodes;
	struct program_status *programs;
	size_t n_programs;
};

/* Adds nodes and programs; the rest is the caller's. Commands are one to one with programs. */
void status_describe(struct lab_status *s, const struct topology *t, const struct evidence *ev);
/* The caller's (free). */
char *status_write(const struct lab_status *s);
int status_read(const char *json, size_t len, struct lab_status *ret_status, struct err *e);
void status_done(struct lab_status *s);

#endif
