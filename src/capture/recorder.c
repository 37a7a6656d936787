#include "capture/recorder.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/recording.h"

/*
 * The least is 16 of libpcap's 256 KiB blocks. At low rates each is handed over after TAP_DELAY_NS,
 * full or not, so that is how long the recorder may have to wait for a CPU: 64 ms. The most lost
 * nothing at 6 Gbit/s.
 */
/* Of all interfaces together. 1.4 Gbit/s on three were recorded without a loss on two slow cores. */
#define RECORDED_BPS 4200000000ULL
/* Many transfers at once keep both processors busy, and the recorder waiting. */
#define PER_TRANSFER ((uint64_t)64 << 10)
/* Links that lose make senders send again, and with delays blocks are handed over half empty. */
#define IMPAIRED_FACTOR 4
/* A program that is not ours may send whatever it likes. */
#define PER_COMMAND ((uint64_t)64 << 20)
#define MIN_BUFFER  ((uint64_t)4 << 20)
#define MAX_BUFFER  ((uint64_t)256 << 20)
/* Of the machine's memory, for all buffers together. */
#define MEMORY_SHARE 4

/* What the ring holds of a datagram beside its bytes: headers, tpacket3_hdr, alignment. */
#define RING_OVERHEAD 192
/* The smallest chunk that udp-send cuts a file into is the one of the raw format. */
#define CHUNK 1024

struct recorder {
	struct child child;
	uint64_t stop_deadline_ns;
	struct capture_evidence *captures;
	size_t n_captures;
};

/* For the recorder's report. When it cannot give one, what became of it is every capture's error. */
static int await(struct recorder *r, uint64_t deadline_ns, struct err *e)
{
	struct recording_report report;
	int received = child_receive(&r->child, &report, sizeof(report), deadline_ns);

	if (received == 1) {
		if (report.failed)
			*e = report.error;
		return report.failed ? -1 : 0;
	}
	child_blame(&r->child, received, e);
	recording_blame(r->captures, r->n_captures, e);
	return -1;
}

static void run(const void *arg, int control)
{
	recording_run(arg, control);
}

int recorder_start(const struct recorder_config *config, struct recorder **ret_recorder,
		   struct err *e)
{
	cleanup_by(recorder_freep) struct recorder *r = array_new(1, sizeof(*r));

	r->child = (struct child)CHILD_NONE;
	r->stop_deadline_ns = config->stop_deadline_ns;
	r->captures = config->captures;
	r->n_captures = config->n_captures;
	if (child_start(&r->child, "the recorder", run, config, e) != 0)
		return -1;
	if (await(r, CHILD_NO_DEADLINE, e) != 0)
		return -1;
	*ret_recorder = take_ptr(r);
	return 0;
}

pid_t recorder_pid(const struct recorder *r)
{
	return r->child.pid;
}

void recorder_ended(struct recorder *r, int wait_status)
{
	child_ended(&r->child, wait_status);
}

int recorder_stop(struct recorder *r, struct err *e)
{
	child_send(&r->child, "", 1);
	return await(r, clock_ns() + r->stop_deadline_ns, e);
}

void recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	child_done(&r->child);
	free(r);
}

void recorder_freep(struct recorder **r)
{
	recorder_free(*r);
}

/* On a hub every interface sees everything, so this is for all alike. */
static uint64_t bytes_in_ring(const struct topology *t)
{
	uint64_t bytes = t->n_commands * PER_COMMAND;

	for (size_t i = 0; i < t->n_transfers; i++) {
		const struct transfer *tr = &t->transfers[i];
		uint64_t copies = tr->broadcast ? 1 : tr->n_to;

		for (size_t f = 0; f < tr->n_files; f++) {
			uint64_t size = tr->files[f].size;
			uint64_t overhead = (size / CHUNK + 1) * RING_OVERHEAD;

			if (t->capture.kind == CAPTURE_HEADERS)
				size = (size / CHUNK + 1) * t->capture.snaplen;
			bytes += copies * (size + overhead + PER_TRANSFER);
		}
	}
	return topology_count_engines(t) == 0 ? bytes : bytes * IMPAIRED_FACTOR;
}

uint64_t recorder_rate(const struct topology *t)
{
	size_t n = topology_count_interfaces(t) + topology_count_engines(t);

	if (t->capture.kind != CAPTURE_FULL || n == 0 || bytes_in_ring(t) <= MAX_BUFFER)
		return 0;
	return RECORDED_BPS / n;
}

size_t recorder_buffer_size(const struct topology *t)
{
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t wanted = bytes_in_ring(t);
	size_t n = topology_count_interfaces(t) + topology_count_engines(t);

	if (t->capture.buffer != 0)
		return t->capture.buffer;
	if (n > 0 && wanted > memory / MEMORY_SHARE / n)
		wanted = memory / MEMORY_SHARE / n;
	if (wanted > MAX_BUFFER)
		wanted = MAX_BUFFER;
	return (size_t)(wanted < MIN_BUFFER ? MIN_BUFFER : wanted);
}
