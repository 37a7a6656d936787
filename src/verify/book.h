/*
 * book: counts every UDP datagram that entered the network for a node and every one that reached
 * the end of that node's link, for the ledger. Those that entered are remembered by their content
 * until they arrive, so that the copies a hub floods to third nodes change nothing, and memory is
 * needed only for what is under way. What came to nodes themselves, behind their
 * links, is counted apart.
 */
#ifndef HARNESS_VERIFY_BOOK_H
#define HARNESS_VERIFY_BOOK_H

#include "verify/trial.h"

struct book;

/* Of a topology with so many nodes. */
struct book *book_new(size_t n_nodes);
/*
 * The datagram left `from` for `to`: over one network, so on a way with routers these are the ends of
 * a hop. A broadcast leaves once for every node it is for.
 */
void book_sent(struct book *b, size_t from, size_t to, const struct datagram *d);
/* The datagram arrived where the link of `to` begins. */
void book_arrived(struct book *b, size_t from, size_t to, const struct datagram *d);
/* A datagram of IPv4 came to the node itself. */
void book_came(struct book *b, size_t node);
/* So did one that its kernel may have taken or not: of its address or its port another node may be
 * meant (NAT), or nobody yet (DHCP). */
void book_perhaps(struct book *b, size_t node);
/* So did one that is shorter than it says it is. */
void book_malformed(struct book *b, size_t node);
/* Nobody at the node may have been there to read it: its flow had ended. */
void book_late(struct book *b, size_t node);
/* Fill the run's ledger. */
void book_judge(const struct book *b, struct trial *t);
void book_freep(struct book **b);

#endif
