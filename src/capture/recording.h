/*
 * recording: the recorder's own process, and what it says to its parent. For
 * recorder.c.
 *
 * Over a SOCK_SEQPACKET pair the recorder sends a struct recording_report when
 * all captures record, and another one when all is written, or has failed: then
 * it ends. The parent sends one byte when the recorder is to finish. End of file
 * means that the parent is gone, and nobody waits for the files any more.
 */
#ifndef HARNESS_CAPTURE_RECORDING_H
#define HARNESS_CAPTURE_RECORDING_H

#include <stdbool.h>

#include "base/err.h"
#include "capture/recorder.h"

struct recording_report {
	bool failed;
	struct err error;
};

/* Every capture that is not complete and has no reason of its own gets this one. */
void recording_blame(struct capture_evidence *captures, size_t n, const struct err *e);

/* The whole life of the process; does not return. */
_Noreturn void recording_run(const struct recorder_config *config, int control);

#endif
