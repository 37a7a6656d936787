/*
 * netem_options: what a netem qdisc of the kernel is told, byte for byte as it
 * travels in TCA_OPTIONS (linux/pkt_sched.h, net/sched/sch_netem.c): struct
 * tc_netem_qopt and attributes behind it. For netem.c, which sends it.
 *
 * Every attribute that netem keeps when it is not told another value is there,
 * so that the same bytes make a new qdisc and change an old one. An impairment
 * that topology_check_netem() refuses must not come here.
 */
#ifndef HARNESS_LAB_NETEM_OPTIONS_H
#define HARNESS_LAB_NETEM_OPTIONS_H

#include <stdint.h>

#include "base/text.h"
#include "topology/impairment.h"

/* TCA_NETEM_PRNG_SEED: what netem's generator starts from, since Linux 6.6; ignored before. */
#define NETEM_PRNG_SEED 14

/* Appends the bytes. */
void netem_add_options(struct text *t, const struct impairment *i, uint64_t seed);

#endif
