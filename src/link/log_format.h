/*
 * log_format: the records of a link log. All have one size:
 *
 *	head, then flows and frames as they come, then those given up, then the end
 *
 * The end says how many there are of each: a log without it was cut short.
 */
#ifndef HARNESS_LINK_LOG_FORMAT_H
#define HARNESS_LINK_LOG_FORMAT_H

#include <stdint.h>

#include "link/log.h"

/* Another one for every change of the format; read backwards on a machine of other byte order. */
#define LOG_MAGIC 0x676f6c6b6e696c31ULL

enum log_kind {
	LOG_HEAD = 1,
	LOG_FLOW,
	LOG_FRAME,
	LOG_GIVEN_UP,
	LOG_END,
};

/* A bit for the frame, one for its duplicate. */
#define GIVEN_UP_FIRST 1
#define GIVEN_UP_AGAIN 2

struct log_record {
	uint8_t kind; /* enum log_kind */
	uint8_t cause, reordered;
	uint8_t given_up;
	uint32_t flow; /* of a frame: its number */
	union {
		uint64_t magic;
		struct link_flow description;
		struct {
			uint64_t arrived_ns, due_ns, due_again_ns;
			uint64_t hash_in, hash_out;
			uint64_t number;
			double draw;
			uint32_t len, flipped;
		} frame;
		uint64_t place; /* of the frame that was given up */
		struct {
			uint64_t n_flows, n_frames, n_given_up;
		} end;
	};
};

_Static_assert(sizeof(struct log_record) == 72, "records have one size, without holes");

#endif
