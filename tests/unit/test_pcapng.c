/*
 * pcapng: what the writer writes is read back, taken apart by a decoder of the
 * test's own, and read by tshark where that is installed.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "capture/pcapng.h"

#define T0 1800000000123456789ULL

static char folder[] = "/tmp/test_pcapng.XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static char *in_folder(const char *name)
{
	return text_format("%s/%s", folder, name);
}

static int remove_folder(void **state)
{
	cleanup_free char *file = in_folder("t.pcapng");

	(void)state;
	unlink(file);
	return rmdir(folder);
}

/* An Ethernet frame of this many bytes, at least 14. */
static void make_frame(uint8_t *frame, size_t len, uint8_t fill)
{
	static const uint8_t
		head[] = { 0x6e, 0x2a, 0x5a, 0xde, 0x49, 0xb8, 0x42,
			   0x21, 0x88, 0x16, 0xe9, 0xc5, 0x88, 0xb5 /* local experiments */ };

	memset(frame, fill, len);
	memcpy(frame, head, sizeof(head));
}

static struct pcapng_writer *open_writer(const char *path)
{
	static const struct pcapng_interface interfaces[] = {
		{ "alpine-1/eth0", "on hub Hub1", "udp port 10000", 262144, 10000000000, T0 - 1 },
		{ "alpine-2/eth0", NULL, NULL, 262144, 0, 0 },
	};
	struct pcapng_name names[2] = {
		{ .family = AF_INET, .name = "alpine-1" },
		{ .family = AF_INET6, .name = "alpine-2" },
	};
	struct pcapng_writer *w = NULL;
	struct err e = { 0 };

	inet_pton(AF_INET, "192.168.122.72", names[0].address);
	inet_pton(AF_INET6, "fd00::2", names[1].address);
	assert_int_equal(pcapng_writer_open(path, "harness 1", "topology: test", &w, &e), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pcapng_write_interface(w, &interfaces[i], &e), 0);
	assert_int_equal(pcapng_write_names(w, names, 2, &e), 0);
	return w;
}

static void write_frame(struct pcapng_writer *w, uint64_t time_ns, size_t len, uint8_t fill)
{
	uint8_t frame[2048];
	struct packet p = { .time_ns = time_ns,
			    .captured_len = (uint32_t)len,
			    .original_len = (uint32_t)len,
			    .data = frame,
			    .direction = DIRECTION_IN };
	struct err e = { 0 };

	make_frame(frame, len, fill);
	assert_int_equal(pcapng_write_packet(w, &p, &e), 0);
}

static void finish(struct pcapng_writer *w)
{
	struct err e = { 0 };

	assert_int_equal(pcapng_write_statistics(w, 0, T0 + 5000, 12, 3, 1, &e), 0);
	assert_int_equal(pcapng_writer_close(w, &e), 0);
}

static struct pcapng_reader *open_reader(const char *path)
{
	struct pcapng_reader *r = NULL;
	struct err e = { 0 };

	if (pcapng_reader_open(path, &r, &e) != 0)
		fail_msg("%s", e.msg);
	return r;
}

/* What comes back is what was written, for every length modulo 4 and every option. */
static void test_round_trip(void **state)
{
	cleanup_free char *path = in_folder("t.pcapng");
	struct pcapng_writer *w = open_writer(path);
	struct err e = { 0 };
	uint8_t frame[64];

	(void)state;
	make_frame(frame, sizeof(frame), 0xab);
	for (uint32_t i = 0; i < 40; i++) {
		struct packet p = { .interface = i % 2,
				    .time_ns = T0 + i,
				    .captured_len = 14 + i,
				    .original_len = 1500,
				    .data = frame,
				    .direction = (enum packet_direction)(i % 3),
				    .id = i % 4 == 0 ? 0 : UINT64_MAX - i,
				    .dropped = i % 5,
				    .comment = i % 7 == 0 ? "first repair" : NULL };

		assert_int_equal(pcapng_write_packet(w, &p, &e), 0);
	}
	finish(w);

	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = open_reader(path);
	struct packet p;

	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(pcapng_read(r, &p, &e), 1);
		assert_int_equal(p.interface, i % 2);
		assert_int_equal(p.time_ns, T0 + i);
		assert_int_equal(p.captured_len, 14 + i);
		assert_int_equal(p.original_len, 1500);
		assert_memory_equal(p.data, frame, 14 + i);
		assert_int_equal(p.direction, i % 3);
		assert_int_equal(p.id, i % 4 == 0 ? 0 : UINT64_MAX - i);
		assert_int_equal(p.dropped, i % 5);
		assert_null(p.comment);
	}
	assert_int_equal(pcapng_read(r, &p, &e), 0);
	assert_int_equal(pcapng_read(r, &p, &e), 0);
	assert_string_equal(pcapng_interface_name(r, 0), "alpine-1/eth0");
	assert_string_equal(pcapng_interface_name(r, 1), "alpine-2/eth0");
	assert_null(pcapng_interface_name(r, 2));
}

static uint16_t u16_at(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint32_t u32_at(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint64_t u64_at(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

enum {
	SECTION = 0x0a0d0d0a,
	INTERFACE = 1,
	STATISTICS = 5,
	PACKET = 6,
};

/* How the value of an option is to be understood. */
static char kind_of_option(uint32_t block, uint16_t code)
{
	static const struct {
		uint32_t block;
		uint16_t code;
		char kind;
	} numbers[] = {
		{ INTERFACE, 8, '8' },	{ INTERFACE, 9, '1' },	{ INTERFACE, 11, 'f' },
		{ PACKET, 2, '4' },	{ PACKET, 4, '8' },	{ PACKET, 5, '8' },
		{ STATISTICS, 2, 't' }, { STATISTICS, 3, 't' }, { STATISTICS, 4, '8' },
		{ STATISTICS, 5, '8' }, { STATISTICS, 7, '8' },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].block == block && numbers[i].code == code)
			return numbers[i].kind;
	return 's';
}

static void describe_value(struct text *t, char kind, const uint8_t *value, size_t len)
{
	switch (kind) {
	case '1':
		assert_int_equal(len, 1);
		text_add(t, "%u", value[0]);
		break;
	case '4':
		assert_int_equal(len, 4);
		text_add(t, "%u", u32_at(value));
		break;
	case '8':
		assert_int_equal(len, 8);
		text_add(t, "%llu", (unsigned long long)u64_at(value));
		break;
	case 't': /* the high half first, in any byte order */
		assert_int_equal(len, 8);
		text_add(t, "T0%+lld",
			 (long long)(((uint64_t)u32_at(value) << 32 | u32_at(value + 4)) - T0));
		break;
	case 'f': /* 0: a string */
		assert_int_equal(value[0], 0);
		text_add_bytes(t, value + 1, len - 1);
		break;
	default:
		text_add_bytes(t, value, len);
	}
}

/* Adds "code=value; " for each option; they must be padded with zeros, and ended. */
static void describe_options(struct text *t, uint32_t block, const uint8_t *at, const uint8_t *end)
{
	for (;;) {
		assert_true(end - at >= 4);

		uint16_t code = u16_at(at), len = u16_at(at + 2);

		at += 4;
		if (code == 0)
			break;
		text_add(t, "%u=", code);
		describe_value(t, kind_of_option(block, code), at, len);
		text_add(t, "; ");
		for (size_t i = len; i % 4 != 0; i++)
			assert_int_equal(at[i], 0);
		at += (len + 3) & ~3;
	}
	assert_ptr_equal(at, end);
}

/* Where the options of a block start. */
static size_t options_at(const uint8_t *block)
{
	switch (u32_at(block)) {
	case SECTION:
		return 24;
	case INTERFACE:
		return 16;
	case STATISTICS:
		return 20;
	case PACKET:
		return 28 + ((u32_at(block + 20) + 3) & ~3U);
	default:
		return 0;
	}
}

/* One line per block: its type and options. */
static char *describe_file(const char *path)
{
	cleanup_free char *bytes = NULL;
	struct text t = { 0 };
	struct err e = { 0 };
	size_t len;

	assert_int_equal(fs_read(path, 1 << 24, &bytes, &len, &e), 0);
	for (size_t at = 0; at < len;) {
		const uint8_t *block = (const uint8_t *)bytes + at;
		uint32_t total = u32_at(block + 4);

		assert_true(total >= 12 && total % 4 == 0 && total <= len - at);
		assert_int_equal(u32_at(block + total - 4), total);
		text_add(&t, "%x: ", u32_at(block));
		if (options_at(block) != 0)
			describe_options(&t, u32_at(block), block + options_at(block),
					 block + total - 4);
		text_add(&t, "\n");
		at += total;
	}
	return text_take(&t);
}

/* Every option is where it should be, padded and ended, as a decoder of the test's own sees it. */
static void test_options_as_written(void **state)
{
	cleanup_free char *path = in_folder("t.pcapng");
	struct pcapng_writer *w = open_writer(path);
	struct utsname u;
	struct err e = { 0 };
	uint8_t frame[15];
	struct packet p = { .time_ns = T0,
			    .captured_len = sizeof(frame),
			    .original_len = sizeof(frame),
			    .data = frame,
			    .direction = DIRECTION_IN,
			    .id = 42,
			    .dropped = 9,
			    .comment = "open" };

	(void)state;
	make_frame(frame, sizeof(frame), 1);
	assert_int_equal(pcapng_write_packet(w, &p, &e), 0);
	finish(w);
	assert_int_equal(uname(&u), 0);

	cleanup_free char *seen = describe_file(path);
	cleanup_free char *expected = text_format(
		"a0d0d0a: 1=topology: test; 2=%s; 3=%s %s; 4=harness 1; \n"
		"1: 2=alpine-1/eth0; 3=on hub Hub1; 8=10000000000; 9=9; 11=udp port 10000; \n"
		"1: 2=alpine-2/eth0; 9=9; \n"
		"4: \n"
		"6: 2=1; 4=9; 5=42; 1=open; \n"
		"5: 2=T0-1; 3=T0+5000; 4=12; 5=1; 7=3; \n",
		u.machine, u.sysname, u.release);

	assert_string_equal(seen, expected);
}

/* A comment longer than an option can be is cut between two characters. */
static void test_long_comment(void **state)
{
	cleanup_free char *path = in_folder("t.pcapng");
	struct text comment = { 0 };
	struct pcapng_writer *w = NULL;
	struct err e = { 0 };

	(void)state;
	text_add(&comment, "x");
	while (comment.len < 70000)
		text_add(&comment, "\303\251");
	assert_int_equal(pcapng_writer_open(path, NULL, comment.s, &w, &e), 0);
	assert_int_equal(pcapng_writer_close(w, &e), 0);

	cleanup_free char *seen = describe_file(path);
	const char *end = strchr(seen, ';');

	assert_non_null(end);
	assert_true(text_is_utf8(seen, (size_t)(end - seen)));
	assert_true(end - seen > 65500 && end - seen < 65560);
	text_done(&comment);
}

/* A packet that comes late goes back to its place, also over blocks that were written already. */
static void test_late_packets(void **state)
{
	enum { N = 3000, LATE = 200 };
	cleanup_free char *path = in_folder("t.pcapng");
	struct pcapng_writer *w = open_writer(path);
	struct err e = { 0 };
	uint64_t last = 0;
	struct packet p;

	(void)state;
	for (uint64_t i = 1; i <= N; i++) {
		write_frame(w, T0 + i * 1000, 1514, (uint8_t)i);
		if (i % LATE == 0)
			write_frame(w, T0 + (i - LATE + 1) * 1000 + 1, 60, 0xff);
	}
	finish(w);

	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = open_reader(path);
	size_t n = 0, n_late = 0;

	while (pcapng_read(r, &p, &e) == 1) {
		assert_true(p.time_ns > last);
		last = p.time_ns;
		n++;
		n_late += p.captured_len == 60;
	}
	assert_int_equal(n, N + N / LATE);
	assert_int_equal(n_late, N / LATE);
}

/* So late that its place is out of reach: it is kept all the same. */
static void test_very_late_packet(void **state)
{
	cleanup_free char *path = in_folder("t.pcapng");
	struct pcapng_writer *w = open_writer(path);
	struct err e = { 0 };
	struct packet p;
	size_t n = 0;

	(void)state;
	for (uint64_t i = 1; i <= 5000; i++)
		write_frame(w, T0 + i * 1000, 1514, (uint8_t)i);
	write_frame(w, T0, 60, 0xff);
	finish(w);

	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = open_reader(path);

	while (pcapng_read(r, &p, &e) == 1)
		n++;
	assert_int_equal(n, 5001);
}

static void test_no_space(void **state)
{
	struct pcapng_writer *w = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(pcapng_writer_open("/dev/full", NULL, NULL, &w, &e), 0);
	assert_int_equal(pcapng_writer_close(w, &e), -1);
	assert_string_equal(e.msg, "write /dev/full: No space left on device");
	assert_int_equal(pcapng_writer_open("/no/such/folder/x", NULL, NULL, &w, &e), -1);
	assert_string_equal(e.msg, "create /no/such/folder/x: No such file or directory");
}

static void skip_because(const char *why)
{
	print_message("skipped: %s\n", why);
	if (getenv("MUST_RUN") != NULL)
		fail_msg("skips are forbidden here: %s", why);
	skip();
}

/* The standard output of a command whose standard error must stay empty. */
static char *output_of(const char *command)
{
	cleanup_free char *errors_path = in_folder("errors");
	cleanup_free char *line = text_format("%s 2>%s", command, errors_path);
	cleanup_free char *errors = NULL;
	struct text t = { 0 };
	struct err e = { 0 };
	char buf[4096];
	FILE *f = popen(line, "r");

	assert_non_null(f);
	for (size_t n; (n = fread(buf, 1, sizeof(buf), f)) > 0;)
		text_add_bytes(&t, buf, n);
	assert_int_equal(pclose(f), 0);
	assert_int_equal(fs_read(errors_path, 65536, &errors, NULL, &e), 0);
	unlink(errors_path);
	/* Said to root before it looks at any file. */
	if (strncmp(errors, "Running as user", 15) != 0 && errors[0] != '\0')
		fail_msg("%s: %s", command, errors);
	return text_take(&t);
}

/* Wireshark's own tools read it without a complaint and see what was meant. */
static void test_wireshark(void **state)
{
	cleanup_free char *path = in_folder("t.pcapng");

	(void)state;
	if (system("command -v tshark capinfos >/dev/null") != 0)
		skip_because("tshark and capinfos are not installed");

	struct pcapng_writer *w = open_writer(path);

	for (uint64_t i = 0; i < 3; i++)
		write_frame(w, T0 + i, 60, (uint8_t)i);
	finish(w);

	cleanup_free char *tshark = text_format(
		"tshark -r %s -T fields -e frame.time_epoch -e frame.interface_name -e eth.src -e "
		"frame.packet_flags_direction",
		path);
	cleanup_free char *packets = output_of(tshark);
	cleanup_free char *capinfos = text_format("capinfos -o -l -k %s", path);
	cleanup_free char *info = output_of(capinfos);

	assert_string_equal(packets,
			    "1800000000.123456789\talpine-1/eth0\t42:21:88:16:e9:c5\t0x00000001\n"
			    "1800000000.123456790\talpine-1/eth0\t42:21:88:16:e9:c5\t0x00000001\n"
			    "1800000000.123456791\talpine-1/eth0\t42:21:88:16:e9:c5\t0x00000001\n");
	assert_non_null(strstr(info, "Strict time order:   True"));
	assert_non_null(strstr(info, "Capture comment:     topology: test"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	 cmocka_unit_test(test_options_as_written),
		cmocka_unit_test(test_long_comment),	 cmocka_unit_test(test_late_packets),
		cmocka_unit_test(test_very_late_packet), cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_wireshark),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
