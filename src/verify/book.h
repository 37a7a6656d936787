/*
 * book: counts every UDP datagram that left a node and every one that reached
 * one, for the ledger. Those that left are remembered by their content until
 * they arrive, so that the copies a hub floods to third nodes change nothing, and a
 * clean link needs memory only for what is under way.
 */
#ifndef HARNESS_VERIFY_BOOK_H
#define HARNESS_VERIFY_BOOK_H

#include "verify/trial.h"

struct book;

struct book *book_new(size_t n_nodes);
/* The datagram left `from` for `to`. A broadcast leaves once for every node it is for. */
void book_sent(struct book *b, size_t from, size_t to, const struct datagram *d);
/* The datagram arrived at `to`; from is SIZE_MAX when no node has its source address. */
void book_arrived(struct book *b, size_t from, size_t to, const struct datagram *d);
/* Nobody at the node may have been there to read it: its flow had ended. */
void book_late(struct book *b, size_t node);
/* Fill the run's ledger. */
void book_judge(const struct book *b, struct trial *t);
void book_freep(struct book **b);

#endif
