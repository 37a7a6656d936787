/*
 * stream: the packets of several captures, one after the other in the order of
 * time. All captures of a run have one clock, so causes come before effects,
 * and what is under way at any moment is all that must be remembered.
 */
#ifndef HARNESS_VERIFY_STREAM_H
#define HARNESS_VERIFY_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "capture/pcapng.h"

struct stream;

/* Empty: files are added before the first packet is asked for. */
struct stream *stream_new(void);
/* Add a file, to be known by this number. -1: it cannot be read. */
int stream_add(struct stream *s, size_t number, const char *path, struct err *e);
/*
 * 1 and the next packet of all, with its file's number; its data are valid until the next call.
 * 0 at the end. -1: the file *ret_number is damaged, and the others go on with the next call.
 */
int stream_next(struct stream *s, size_t *ret_number, struct packet *ret_packet, struct err *e);
void stream_freep(struct stream **s);

#endif
