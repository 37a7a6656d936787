/*
 * defrag: puts datagrams together that were cut on their way (RFC 791).
 *
 * A sender only does that when a datagram does not fit the link, so few are
 * ever under way at once; more than that push out the oldest.
 */
#ifndef HARNESS_VERIFY_DEFRAG_H
#define HARNESS_VERIFY_DEFRAG_H

#include <stddef.h>

#include "verify/decode.h"

struct defrag;

struct defrag *defrag_new(void);
/*
 * Take a fragment that was seen at this place (any number that tells captures apart). When it
 * completed a UDP datagram, *ret_datagram is as decode_udp() fills it and valid until the next
 * call; else DECODED_OTHER.
 */
enum decoded defrag_add(struct defrag *g, size_t place, const struct fragment *f,
			struct datagram *ret_datagram);
void defrag_freep(struct defrag **g);

#endif
