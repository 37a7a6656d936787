/* logger: the process behind output.h. For program/. */
#ifndef HARNESS_PROGRAM_LOGGER_H
#define HARNESS_PROGRAM_LOGGER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "program/program.h"

struct logger_stream {
	size_t program; /* its number */
	int in;		/* the pipe, not blocking */
};

struct logger_config {
	const struct programs *programs;
	struct evidence *evidence;
	const char *folder;
	struct logger_stream *streams;
	size_t n_streams;
};

/* Sent when it is ready, and when it is done. */
struct logger_report {
	bool failed;
	struct err error;
};

/* Until it is told to stop by a message, or its parent is gone. */
_Noreturn void logger_run(const struct logger_config *config, int control);

#endif
