/*
 * recorder: what it captures of a lab whose frames are known, and what it says
 * when it cannot.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "capture/pcapng.h"
#include "capture/recorder.h"
#include "unit/recorder_lab.h"

static struct pcapng_reader *open_capture(const char *name)
{
	cleanup_free char *path = text_format("%s/%s", folder, name);
	struct pcapng_reader *r = NULL;
	struct err e = { 0 };

	if (pcapng_reader_open(path, &r, &e) != 0)
		fail_msg("%s", e.msg);
	return r;
}

static int read_packet(struct pcapng_reader *r, struct packet *ret_packet)
{
	struct err e = { 0 };
	int more = pcapng_read(r, ret_packet, &e);

	if (more < 0)
		fail_msg("%s", e.msg);
	return more;
}

/* Every packet of the file has this direction and length, and there are n. */
static void assert_capture(const char *name, size_t n, enum packet_direction direction,
			   uint32_t captured_len, uint32_t original_len)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = open_capture(name);
	uint64_t last = 0;
	struct packet p;
	size_t seen = 0;

	while (read_packet(r, &p) == 1) {
		assert_int_equal(p.direction, direction);
		assert_int_equal(p.captured_len, captured_len);
		assert_int_equal(p.original_len, original_len);
		assert_true(p.time_ns >= last);
		last = p.time_ns;
		seen++;
	}
	assert_int_equal(seen, n);
}

/* n packets, each seen once at each of the nodes under one id of its own, in the order of time. */
static void assert_merged(size_t n)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = open_capture("merged.pcapng");
	cleanup_free uint8_t *seen = calloc(n + 1, 1);
	uint64_t last = 0;
	struct packet p;
	size_t total = 0;

	assert_non_null(seen);
	while (read_packet(r, &p) == 1) {
		cleanup_free char *name = text_format("n%u/eth0", p.interface + 1);

		assert_string_equal(pcapng_interface_name(r, p.interface), name);
		assert_true(p.time_ns >= last);
		last = p.time_ns;
		assert_in_range(p.id, 1, n);
		assert_int_equal(seen[p.id] & 1U << p.interface, 0);
		seen[p.id] |= (uint8_t)(1U << p.interface);
		total++;
	}
	assert_int_equal(total, N_NODES * n);
}

static void assert_complete(const struct fixture *f, size_t n, uint64_t bytes)
{
	for (size_t i = 0; i < N_NODES; i++) {
		const struct capture_evidence *c = &f->evidence->captures[i];

		assert_true(c->complete);
		assert_string_equal(c->error, "");
		assert_int_equal(c->packets, n);
		assert_int_equal(c->bytes, bytes);
		assert_int_equal(c->received, n);
		assert_int_equal(c->dropped, 0);
		assert_int_equal(c->if_dropped, 0);
		assert_int_equal(c->passed, n);
	}
}

/* What one node sends goes out once there, and in at both others, also where it is for another. */
static void test_frames(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	exchange_frames(N_FRAMES, 100, true);
	stop(&f);
	assert_complete(&f, N_FRAMES, N_FRAMES * 100);
	assert_capture("n1.eth0.pcapng", N_FRAMES, DIRECTION_OUT, 100, 100);
	assert_capture("n2.eth0.pcapng", N_FRAMES, DIRECTION_IN, 100, 100);
	assert_capture("n3.eth0.pcapng", N_FRAMES, DIRECTION_IN, 100, 100);
	assert_merged(N_FRAMES);
	fixture_done(&f);
}

/* The same bytes again and again are packets of their own. */
static void test_identical_frames(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	exchange_frames(N_FRAMES, 60, false);
	stop(&f);
	assert_merged(N_FRAMES);
	fixture_done(&f);
}

static void test_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	stop(&f);
	assert_complete(&f, 0, 0);
	assert_merged(0);
	fixture_done(&f);
}

static void test_headers_only(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.topology.capture.snaplen = 64;
	start(&f);
	exchange_frames(N_FRAMES, 1000, true);
	stop(&f);
	assert_complete(&f, N_FRAMES, N_FRAMES * 64);
	assert_capture("n2.eth0.pcapng", N_FRAMES, DIRECTION_IN, 64, 1000);
	assert_merged(N_FRAMES);
	fixture_done(&f);
}

static void test_filter(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.topology.capture.filter = (char[]){ "udp dst port 10001" };
	start(&f);
	exchange_datagrams(PORT, 50);
	exchange_datagrams(PORT + 1, 20);
	stop(&f);
	assert_int_equal(f.evidence->captures[1].received, 20);
	assert_int_equal(f.evidence->captures[1].passed, 70);
	assert_capture("n2.eth0.pcapng", 20, DIRECTION_IN, 46, 46);
	assert_merged(20);
	fixture_done(&f);
}

static void assert_start_fails(struct fixture *f, int class, const char *message)
{
	struct err e = { 0 };

	assert_int_equal(recorder_start(&f->config, &f->recorder, &e), -1);
	assert_null(f->recorder);
	assert_int_equal(e.class, class);
	if (strncmp(e.msg, message, strlen(message)) != 0)
		fail_msg("'%s' does not start with '%s'", e.msg, message);
	fixture_done(f);
}

static void test_bad_filter(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.topology.capture.filter = (char[]){ "udp prot 5" };
	assert_start_fails(&f, ERR_USAGE, "capture filter 'udp prot 5': ");
}

static void test_no_folder(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.config.folder = "/no/such/folder";
	assert_start_fails(&f, ERR_MACHINE, "enter folder /no/such/folder: No such file");
}

static void test_no_interface(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	interfaces[1].name = nope;
	assert_start_fails(&f, ERR_MACHINE, "capture n2/eth0: activate: No such device exists");
	interfaces[1].name = eth0;
}

/* While the recorder stands still, more comes than its buffer holds. */
static void test_drops_are_counted(void **state)
{
	enum { N = 1000 };
	cleanup_close int from = -1;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < N_NODES; i++)
		f.evidence->captures[i].buffer = 32 << 10;
	from = frame_socket(0);
	start(&f);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGSTOP), 0);
	for (uint32_t i = 0; i < N; i++)
		send_frame(from, BIG_FRAME, i);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGCONT), 0);
	stop(&f);

	const struct capture_evidence *c = &f.evidence->captures[0];

	assert_true(c->complete);
	assert_int_equal(c->received, N);
	assert_true(c->packets > 0 && c->dropped > 0);
	assert_int_equal(c->packets + c->dropped, N);
	assert_capture("n1.eth0.pcapng", c->packets, DIRECTION_OUT, BIG_FRAME, BIG_FRAME);
	fixture_done(&f);
}

static void assert_ends(const struct recorder *r)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, recorder_pid(r), 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

/* The recorder says what could not be written, and ends, when it happens and not at the stop. */
static void test_disk_full(void **state)
{
	cleanup_free char *full = text_format("%s/full", folder);
	static const char message[] = "write n1.eth0.pcapng: No space left on device";
	cleanup_close int from = -1;
	struct err e = { 0 };
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(mkdir(full, 0755), 0);
	assert_int_equal(mount("none", full, "tmpfs", 0, "size=256k"), 0);
	f.config.folder = full;
	f.config.n_captures = 1;
	from = frame_socket(0);
	start(&f);
	for (uint32_t i = 0; i < 1000; i++)
		send_frame(from, BIG_FRAME, i);
	assert_ends(f.recorder);
	assert_int_equal(recorder_stop(f.recorder, &e), -1);
	assert_string_equal(e.msg, message);
	assert_string_equal(f.evidence->captures[0].error, message);
	assert_false(f.evidence->captures[0].complete);
	fixture_done(&f);
	assert_int_equal(umount(full), 0);
}

static void test_killed(void **state)
{
	static const char message[] = "the recorder was killed by signal 9 (Killed)";
	struct err e = { 0 };
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGKILL), 0);
	assert_ends(f.recorder);
	assert_int_equal(recorder_stop(f.recorder, &e), -1);
	assert_string_equal(e.msg, message);
	assert_string_equal(f.evidence->captures[2].error, message);
	fixture_done(&f);
}

/* As a process that reaps all its children in one place does it. */
static void test_reaped_elsewhere(void **state)
{
	struct err e = { 0 };
	struct fixture f;
	int status;

	(void)state;
	fixture_init(&f);
	start(&f);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGTERM), 0);
	assert_int_equal(waitpid(-1, &status, 0), recorder_pid(f.recorder));
	recorder_ended(f.recorder, status);
	assert_int_equal(recorder_stop(f.recorder, &e), -1);
	assert_string_equal(e.msg, "the recorder was killed by signal 15 (Terminated)");
	fixture_done(&f);
}

/* In a child: start a recorder, tell its number, and die. */
static void start_and_die(struct fixture *f, int tell)
{
	struct err e;
	pid_t pid;

	if (recorder_start(&f->config, &f->recorder, &e) != 0)
		_exit(1);
	pid = recorder_pid(f->recorder);
	_exit(write(tell, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
}

/* Orphans come to us, so that their end can be seen. */
static void test_parent_dies(void **state)
{
	struct fixture f;
	int ends[2], status;
	pid_t child, recorder;

	(void)state;
	fixture_init(&f);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		start_and_die(&f, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &recorder, sizeof(recorder)), sizeof(recorder));
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	alarm(WAIT_MS / 1000);
	assert_int_equal(waitpid(recorder, &status, 0), recorder);
	alarm(0);
	fixture_done(&f);
}

static void test_buffer_size(void **state)
{
	size_t to[] = { 1, 2 };
	struct transfer_file file = { .size = 10000000 };
	struct transfer transfer = { .to = to, .n_to = 2, .files = &file, .n_files = 1 };
	struct topology t = { .nodes = nodes,
			      .n_nodes = N_NODES,
			      .transfers = &transfer,
			      .n_transfers = 1,
			      .capture = { .snaplen = 128 } };

	(void)state;
	assert_in_range(recorder_buffer_size(&t), 20000000, 40000000);
	t.capture.kind = CAPTURE_HEADERS;
	assert_in_range(recorder_buffer_size(&t), 3000000, 8000000);
	file.size = 1;
	assert_int_equal(recorder_buffer_size(&t), 4 << 20);
	file.size = UINT64_C(1) << 40;
	assert_in_range(recorder_buffer_size(&t), 4 << 20, 256 << 20);
	t.capture.buffer = 32 << 10;
	assert_int_equal(recorder_buffer_size(&t), 32 << 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_identical_frames),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_headers_only),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_bad_filter),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_no_interface),
		cmocka_unit_test(test_drops_are_counted),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_reaped_elsewhere),
		cmocka_unit_test(test_parent_dies),
		cmocka_unit_test(test_buffer_size),
	};

	return cmocka_run_group_tests(tests, make_lab, remove_folder);
}
