/*
 * reassemble: puts files together from the DATA datagrams of captures, without
 * asking the programs: a flow is known by its OPEN, every chunk by its offset,
 * and only those count whose UDP checksum and CRC are good.
 *
 * Nothing is copied as long as it equals the source. Of the first byte that
 * does not, a private mapping of the source is made and patched, so that memory
 * is used for what differs. A capture that kept only the first bytes of each packet
 * is made whole with the source's: when the CRC then holds, the datagram
 * carried them.
 */
#ifndef HARNESS_VERIFY_REASSEMBLE_H
#define HARNESS_VERIFY_REASSEMBLE_H

#include "verify/trial.h"

struct reassembly;

/* The trial, its topology and its sources outlive it. */
struct reassembly *reassembly_new(const struct trial *t);
/* A datagram of a reliable transfer. */
void reassembly_see(struct reassembly *r, const struct sighting *s);
/* Fill capture and sender layer, account and times of a delivery. */
void reassembly_judge(const struct reassembly *r, const struct trial *t, struct delivery *d);
/*
 * Whether this flow had got its answer when a datagram of that time came back to the sender's
 * port: nobody may have been there to read it.
 */
bool reassembly_flow_ended(const struct reassembly *r, const struct sighting *s);
void reassembly_freep(struct reassembly **r);

#endif
