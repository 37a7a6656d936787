/*
 * relay: the process that wire_start() forks, and what it and its parent tell each other over a
 * socket of whole messages.
 */
#ifndef HARNESS_LINK_RELAY_H
#define HARNESS_LINK_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "link/wire.h"

enum relay_order_kind {
	RELAY_BEGIN, /* faults with a time count from ns */
	RELAY_STOP,  /* within ns from now */
};

struct relay_order {
	enum relay_order_kind kind;
	uint64_t ns;
};

enum relay_report_kind {
	RELAY_READY,
	RELAY_FAULT, /* one on a program is due by its count */
	RELAY_FAILED,
	RELAY_DONE,
};

struct relay_report {
	enum relay_report_kind kind;
	size_t fault;
	struct err error; /* RELAY_FAILED */
};

/* Ends with its parent, or before. */
_Noreturn void relay_run(const struct wire_config *config, pid_t parent, int control);

#endif
