#include "capture/recorder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/recording.h"

#define NO_DEADLINE UINT64_MAX

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
	pid_t pid;
	int pidfd, control;
	bool ended; /* and was reaped, with this status, or -1 when somebody else has it */
	int status;
	uint64_t stop_deadline_ns;
	struct capture_evidence *captures;
	size_t n_captures;
};

/* 1 and a report, 0 when the recorder ended without one, -1 at the deadline (CLOCK_MONOTONIC). */
static int receive(const struct recorder *r, uint64_t deadline_ns, struct recording_report *ret)
{
	for (;;) {
		uint64_t now = clock_ns();
		uint64_t left_ms = now < deadline_ns ? (deadline_ns - now) / NS_PER_MS + 1 : 0;
		int timeout = deadline_ns == NO_DEADLINE ? -1 : (int)(left_ms % (1U << 30));
		struct pollfd p = { .fd = r->control, .events = POLLIN };

		if (poll(&p, 1, timeout) == 0 && left_ms == 0)
			return -1;

		ssize_t n = recv(r->control, ret, sizeof(*ret), MSG_DONTWAIT);

		if (n == sizeof(*ret))
			return 1;
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return 0;
	}
}

static void reap(struct recorder *r)
{
	while (!r->ended) {
		int status;
		pid_t pid = waitpid(r->pid, &status, 0);

		if (pid == r->pid)
			recorder_ended(r, status);
		else if (errno != EINTR) /* ECHILD: it was reaped, and nobody told us */
			recorder_ended(r, -1);
	}
}

static void kill_and_reap(struct recorder *r)
{
	if (!r->ended)
		syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
	reap(r);
}

static int describe_end(const struct recorder *r, struct err *e)
{
	int signal;

	if (r->status == -1)
		return err_set(e, 0, "the recorder ended");
	if (!WIFSIGNALED(r->status))
		return err_set(e, 0, "the recorder exited with status %d", WEXITSTATUS(r->status));
	signal = WTERMSIG(r->status);
	return err_set(e, 0, "the recorder was killed by signal %d (%s)", signal,
		       strsignal(signal));
}

/* For the recorder's report. When it cannot give one, what became of it is every capture's error. */
static int await(struct recorder *r, uint64_t deadline_ns, struct err *e)
{
	struct recording_report report;
	int received = receive(r, deadline_ns, &report);

	if (received == 1) {
		if (report.failed)
			*e = report.error;
		return report.failed ? -1 : 0;
	}
	if (received < 0) {
		kill_and_reap(r);
		err_set(e, 0, "the recorder was not finished at its deadline");
	} else {
		reap(r);
		describe_end(r, e);
	}
	recording_blame(r->captures, r->n_captures, e);
	return -1;
}

static int start_process(const struct recorder_config *config, struct recorder *r, struct err *e)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(e, errno, "make a socket pair for the recorder");

	cleanup_close int theirs = ends[1];

	r->control = ends[0];
	r->pid = fork();
	if (r->pid < 0)
		return err_set(e, errno, "fork the recorder");
	if (r->pid == 0) {
		/* Or the end of the parent would not be seen. */
		close(r->control);
		recording_run(config, theirs);
	}
	r->ended = false;
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (r->pidfd < 0) {
		err_set(e, errno, "open the recorder's process");
		kill(r->pid, SIGKILL);
		reap(r);
		return -1;
	}
	return 0;
}

int recorder_start(const struct recorder_config *config, struct recorder **ret_recorder,
		   struct err *e)
{
	cleanup_by(recorder_freep) struct recorder *r = array_new(1, sizeof(*r));

	r->pidfd = -1;
	r->control = -1;
	r->ended = true;
	r->stop_deadline_ns = config->stop_deadline_ns;
	r->captures = config->captures;
	r->n_captures = config->n_captures;
	if (start_process(config, r, e) != 0)
		return -1;
	if (await(r, NO_DEADLINE, e) != 0)
		return -1;
	*ret_recorder = take_ptr(r);
	return 0;
}

int recorder_pidfd(const struct recorder *r)
{
	return r->pidfd;
}

pid_t recorder_pid(const struct recorder *r)
{
	return r->pid;
}

void recorder_ended(struct recorder *r, int wait_status)
{
	r->ended = true;
	r->status = wait_status;
}

int recorder_stop(struct recorder *r, struct err *e)
{
	/* When it is gone, what it said before is still there to be read. */
	(void)send(r->control, "", 1, MSG_NOSIGNAL);
	return await(r, clock_ns() + r->stop_deadline_ns, e);
}

void recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	kill_and_reap(r);
	if (r->pidfd >= 0)
		close(r->pidfd);
	if (r->control >= 0)
		close(r->control);
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
