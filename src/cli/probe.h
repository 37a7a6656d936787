/*
 * probe: finds out by trying whether this machine can do one thing.
 *
 * Each probe runs in a child process, most of them in a network namespace of its
 * own, so that what it makes is gone with it and nothing it does wrong can harm
 * the caller. To be called by a single-threaded process.
 */
#ifndef HARNESS_CLI_PROBE_H
#define HARNESS_CLI_PROBE_H

#include <stdbool.h>
#include <stddef.h>

struct finding {
	bool works;
	bool untried;	  /* there was no place to try it in */
	int num;	  /* errno of what went wrong, 0 when that is not known */
	char detail[240]; /* what was found, or what went wrong */
};

/* Where a probe is tried. */
enum probe_place {
	PLACE_HERE,    /* in a child, with the caller's rights */
	PLACE_NETWORK, /* in a network namespace, and without root in a user namespace */
};

struct probe {
	const char *name;
	const char *purpose; /* what is not possible without it */
	bool required;
	enum probe_place place;
	void (*try)(struct finding *ret, int arg);
	int arg;
	const char *mend; /* for any machine; NULL: it depends (doctor.c) */
};

extern const struct probe probes[];
extern const size_t n_probes;

/* Try it; *ret is filled in any case. */
void probe_run(const struct probe *p, struct finding *ret);

/* For the functions that try: record the outcome. With num != 0, ": strerror(num)" is appended. */
void probe_works(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void probe_fails(struct finding *f, int num, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The ones about the network (probe_network.c); see their names in probes[]. */
void probe_bridge(struct finding *f, int arg);
void probe_veth(struct finding *f, int arg);
void probe_packet_ring(struct finding *f, int arg);
void probe_socket_list(struct finding *f, int arg);
void probe_receive_buffer(struct finding *f, int bytes);
void probe_segmentation(struct finding *f, int arg);
void probe_coalescing(struct finding *f, int arg);
void probe_link_rings(struct finding *f, int arg);
void probe_netem(struct finding *f, int arg);
void probe_nat(struct finding *f, int arg);

#endif
