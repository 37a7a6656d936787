/*
 * Topology files: what good ones become, and what is said of bad ones.
 *
 * tests/unit/topology/NAME.conf are bad files, NAME.txt what is said of them,
 * line by line. To look at one: ./harness check tests/unit/topology/NAME.conf
 */
#include <glob.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "topology/address.h"
#include "topology/plan.h"
#include "unit/plan_text.h"

#define TWO_NODES                                                                                  \
	"hub H {}\n"                                                                               \
	"node a { interface eth0 { network = H address = \"10.0.0.1/24\" } }\n"                    \
	"node b { interface eth0 { network = H address = \"10.0.0.2/24\" } }\n"
#define TRANSFER "transfer t { from = a to = b files = \"files/a.bin\" "

static void expect_problem(const char *text, const char *expected)
{
	struct problems p = { 0 };
	struct plan *plan = NULL;
	int r = plan_parse("x.conf", text, strlen(text), &plan, &p);
	cleanup_free char *messages = messages_of(&p);

	assert_int_equal(r, -1);
	assert_null(plan);
	assert_string_equal(messages, expected);
}

/* ---- bad files ---- */

static bool says_what_it_should(const char *conf)
{
	cleanup_free char *golden = text_format("%.*s.txt", (int)strlen(conf) - 5, conf);
	cleanup_free char *expected = NULL;
	struct problems p = { 0 };
	struct plan *plan = NULL;
	struct err e;

	if (plan_load(conf, &plan, &p) == 0) {
		fprintf(stderr, "%s: was taken for a good topology\n", conf);
		plan_free(plan);
		return false;
	}

	cleanup_free char *messages = messages_of(&p);

	if (fs_read(golden, 1 << 20, &expected, NULL, &e) != 0) {
		fprintf(stderr, "%s\n", e.msg);
		return false;
	}
	if (strcmp(messages, expected) == 0)
		return true;
	fprintf(stderr, "%s: expected\n%sgot\n%s", conf, expected, messages);
	return false;
}

static void bad_files_get_their_messages(void **state)
{
	size_t n_bad = 0;
	glob_t g;

	(void)state;
	assert_int_equal(glob("*.conf", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 33);
	for (size_t i = 0; i < g.gl_pathc; i++)
		n_bad += !says_what_it_should(g.gl_pathv[i]);
	globfree(&g);
	assert_int_equal(n_bad, 0);
}

static void expect_load_problem(const char *path, const char *expected)
{
	struct problems p = { 0 };
	struct plan *plan = NULL;
	int r = plan_load(path, &plan, &p);
	cleanup_free char *messages = messages_of(&p);

	assert_int_equal(r, -1);
	assert_string_equal(messages, expected);
}

static void missing_and_unusable_files(void **state)
{
	char path[] = "/tmp/test_topology.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
	close(fd);

	cleanup_free char *expected = text_format("%s: larger than 1 MiB, which no topology is\n",
						  path);

	expect_load_problem(path, expected);
	unlink(path);
	expect_load_problem("not-there.conf", "not-there.conf: No such file or directory\n");
	expect_load_problem("files", "files: Is a directory\n");
	expect_load_problem("empty.conf/x", "empty.conf/x: Not a directory\n");
}

/* Root reads everything, so it is another user who tries. */
static bool refused_as_nobody(const char *path, const char *expected)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct problems p = { 0 };
		struct plan *plan = NULL;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(2);

		bool refused = plan_load(path, &plan, &p) != 0 && p.n == 1 &&
			       strcmp(p.messages[0], expected) == 0;

		_exit(refused ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void unreadable_files(void **state)
{
	char dir[] = "/tmp/test_topology.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);

	cleanup_free char *secret = text_format("%s/secret", dir);
	cleanup_free char *conf = text_format("%s/x.conf", dir);
	cleanup_free char *refused = text_format("%s: Permission denied", secret);
	cleanup_free char *file_refused = text_format(
		"%s:4: files 'secret' cannot be read: Permission denied (%s)", conf, secret);
	static const char text[] = TWO_NODES "transfer t { from = a to = b files = secret }\n";
	struct err e;

	assert_int_equal(fs_write(secret, "x", 1, &e), 0);
	assert_int_equal(chmod(secret, 0), 0);
	assert_int_equal(fs_write(conf, text, strlen(text), &e), 0);

	bool topology_refused = refused_as_nobody(secret, refused);
	bool named_file_refused = refused_as_nobody(conf, file_refused);

	unlink(secret);
	unlink(conf);
	rmdir(dir);
	assert_true(topology_refused);
	assert_true(named_file_refused);
}

static void each_mistake_is_told_once(void **state)
{
	(void)state;
	expect_problem(TWO_NODES "vary m { values = { sequential, event-loop } }\n" TRANSFER
				 "mode = \"%{m}\" port = 0 }\n",
		       "x.conf:5: port '0' is out of range: 1 to 65535\n");
	/* One in the second run only. */
	expect_problem(TWO_NODES "vary m { values = { sequential, parallel } }\n" TRANSFER
				 "mode = \"%{m}\" }\n",
		       "x.conf:5: mode 'parallel' is not multi-process, multi-thread, "
		       "multi-process-async, multi-thread-async, event-loop or sequential\n");
}

/* ---- good files ---- */

static void defaults(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(TWO_NODES TRANSFER "}\n");
	const struct topology *t = plan->runs[0].topology;
	const struct transfer *tr = &t->transfers[0];

	(void)state;
	assert_int_equal(plan->n_runs, 1);
	assert_string_equal(plan->runs[0].label, "run");
	assert_string_equal(t->path, "x.conf");
	assert_string_equal(t->name, "x");
	assert_null(t->title);
	assert_int_equal(t->seed, 1);
	assert_int_equal(t->deadline_ns, 60 * NS_PER_SEC);
	assert_int_equal(t->capture.kind, CAPTURE_FULL);
	assert_int_equal(t->capture.snaplen, 262144);
	assert_int_equal(t->capture.buffer, 0);
	assert_int_equal(t->nodes[0].interfaces[0].mtu, 1500);
	assert_int_equal(tr->port, 10000);
	assert_int_equal(tr->mode, MODE_MULTI_PROCESS);
	assert_int_equal(tr->format, FORMAT_RELIABLE);
	assert_false(tr->broadcast || tr->shared_socket);
	assert_int_equal(tr->workers, 0);
	assert_null(tr->sender);
	assert_int_equal(tr->from, 0);
	assert_int_equal(tr->n_to, 1);
	assert_int_equal(tr->to[0], 1);
	assert_int_equal(tr->line, 4);
}

static void every_key_is_set(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"title = \"a \\\"b\\\" ${HOME}\" seed = 7 deadline = 1.5s\n"
		"switch S {} hub H {}\n"
		"node a { interface e0 { network = S mac = 42:21:88:16:E9:C5 mtu = 9000\n"
		"    address = { 10.0.0.1/24, 'fd00::1/64' } } }\n"
		"node b { interface e0 { network = S address = fd00::2/64 mtu = 9000 }\n"
		"         interface e1 { network = H } }\n"
		"transfer t { from = b to = { a } port = 7 mode = event-loop format = raw\n"
		"    shared-socket = yes workers = 4 sender = { sh, -c } receiver = cat\n"
		"    files = { files/a.bin, 'files/empty' } }\n"
		"capture { packets = headers snaplen = 96 filter = 'udp' buffer = 64MiB }\n");
	const struct topology *t = plan->runs[0].topology;
	const struct interface *e0 = &t->nodes[0].interfaces[0];
	const struct transfer *tr = &t->transfers[0];

	(void)state;
	assert_string_equal(t->title, "a \"b\" ${HOME}");
	assert_int_equal(t->seed, 7);
	assert_int_equal(t->deadline_ns, 1500 * NS_PER_MS);
	assert_string_equal(t->networks[0].name, "S");
	assert_int_equal(t->networks[0].kind, NETWORK_SWITCH);
	assert_int_equal(t->networks[1].kind, NETWORK_HUB);
	assert_memory_equal(e0->mac, "\x42\x21\x88\x16\xe9\xc5", 6);
	assert_int_equal(e0->mtu, 9000);
	assert_int_equal(e0->n_addresses, 2);
	assert_int_equal(e0->addresses[1].prefix_len, 64);
	assert_int_equal(t->nodes[1].interfaces[1].network, 1);
	assert_int_equal(tr->port, 7);
	assert_int_equal(tr->mode, MODE_EVENT_LOOP);
	assert_int_equal(tr->format, FORMAT_RAW);
	assert_true(tr->shared_socket);
	assert_int_equal(tr->workers, 4);
	assert_string_equal(tr->sender[1], "-c");
	assert_null(tr->sender[2]);
	assert_string_equal(tr->receiver[0], "cat");
	assert_int_equal(tr->n_files, 2);
	assert_string_equal(tr->files[0].name, "a.bin");
	assert_int_equal(tr->files[0].size, 4);
	assert_int_equal(t->capture.kind, CAPTURE_HEADERS);
	assert_int_equal(t->capture.snaplen, 96);
	assert_string_equal(t->capture.filter, "udp");
	assert_int_equal(t->capture.buffer, 64 << 20);
}

static void paths_are_relative_to_the_file(void **state)
{
	static const char text[] = TWO_NODES TRANSFER "sender = ./files/../../test_topology.c }\n";
	struct problems p = { 0 };
	struct plan *plan = NULL;

	(void)state;
	/* The same text as if it lay in tests/unit/topology, read from the folder above. */
	assert_int_equal(chdir(".."), 0);
	plan_parse("topology/x.conf", text, strlen(text), &plan, &p);
	assert_int_equal(chdir("topology"), 0);

	cleanup_free char *messages = messages_of(&p);

	assert_string_equal(messages, "topology/x.conf:4: sender './files/../../test_topology.c' "
				      "cannot be run: Permission denied\n");
}

static void byte_order_mark_and_crlf(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"\xef\xbb\xbf# comment\r\nhub H {}\r\n"
		"node a { interface e0 { network = H # c\r\n } }\r\n");

	(void)state;
	assert_int_equal(plan->runs[0].topology->nodes[0].line, 3);
}

static void matrix_is_expanded(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"vary mode { values = { sequential, event-loop } }\n"
		"vary file { values = { a, sub/a, \"b\" } }\n" TWO_NODES
		"title = '%{mode} of %{file}'\n"
		"transfer t { from = a to = b mode = \"%{mode}\" files = 'files/%{file}.bin' }\n");
	static const char *const labels[] = {
		"mode=sequential,file=a", "mode=sequential,file=sub_a", "mode=sequential,file=b",
		"mode=event-loop,file=a", "mode=event-loop,file=sub_a", "mode=event-loop,file=b",
	};

	(void)state;
	assert_int_equal(plan->n_runs, 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(plan->runs[i].label, labels[i]);
	assert_string_equal(plan->runs[4].topology->title, "event-loop of sub/a");
	assert_int_equal(plan->runs[2].topology->transfers[0].mode, MODE_SEQUENTIAL);
	assert_string_equal(plan->runs[5].topology->transfers[0].files[0].path, "files/b.bin");
	assert_string_equal(plan->runs[1].variables[1].name, "file");
	assert_string_equal(plan->runs[1].variables[1].value, "sub/a");
}

static void combinations_are_excluded(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"vary mode { values = { sequential, event-loop } }\n"
		"vary port { values = { 1, 2, 99999 } }\n"
		"exclude { port = { 99999 } }\n"
		"exclude { \"mode\" = event-loop  port = { '2', 99999 } }\n" TWO_NODES
		"transfer t { from = a to = b mode = \"%{mode}\" port = \"%{port}\"\n"
		"    files = 'files/a.bin' }\n");
	static const char *const labels[] = {
		"mode=sequential,port=1",
		"mode=sequential,port=2",
		"mode=event-loop,port=1",
	};

	(void)state;
	assert_int_equal(plan->n_runs, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(plan->runs[i].label, labels[i]);
}

static void labels_are_unlike(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"vary x { values = { 'a b', a_b, a/b } } title = '%{x}'\n" TWO_NODES);
	char value[300] = { 0 };
	cleanup_free char *text = NULL;

	(void)state;
	assert_string_equal(plan->runs[0].label, "x=a_b");
	assert_string_equal(plan->runs[1].label, "x=a_b~2");
	assert_string_equal(plan->runs[2].label, "x=a_b~3");
	memset(value, 'v', sizeof(value) - 1);
	text = text_format("vary x { values = { %s1, %s2 } } title = '%%{x}'\n%s", value, value,
			   TWO_NODES);

	cleanup_by(plan_freep) struct plan *longer = parse(text);

	assert_int_equal(strlen(longer->runs[0].label), 200);
	assert_int_equal(strlen(longer->runs[1].label), 202);
}

static void derived_macs(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(TWO_NODES);
	cleanup_by(plan_freep) struct plan *again = parse(TWO_NODES);
	const struct node *a = &plan->runs[0].topology->nodes[0];
	const struct node *b = &plan->runs[0].topology->nodes[1];

	(void)state;
	assert_int_equal(a->interfaces[0].mac[0] & 3, 2);
	assert_memory_not_equal(a->interfaces[0].mac, b->interfaces[0].mac, 6);
	assert_memory_equal(a->interfaces[0].mac,
			    again->runs[0].topology->nodes[0].interfaces[0].mac, 6);
}

/* A router between two networks: who answers for whom. */
static void addresses_between_nodes(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"hub L {} hub R {} hub X {}\n"
		"node a { interface e0 { network = L address = 10.0.0.1/24 } }\n"
		"node r { interface e0 { network = R address = { fd00::9/64, 10.1.0.9/24 } }\n"
		"         interface e1 { network = L address = 10.0.0.9/24 } }\n"
		"node x { interface e0 { network = X } }\n");
	const struct topology *t = plan->runs[0].topology;
	char buf[ADDRESS_TEXT_LEN];

	(void)state;
	assert_string_equal(address_format(buf, topology_address(t, 1, 0, AF_INET)), "10.0.0.9/24");
	assert_string_equal(topology_interface(t, 1, 0)->name, "e1");
	assert_null(topology_address(t, 1, 0, AF_INET6));
	assert_null(topology_address(t, 0, 2, AF_INET));
	assert_null(topology_interface(t, 0, 2));
	assert_string_equal(address_format(buf, topology_address(t, 1, 1, AF_INET)), "10.1.0.9/24");
	assert_string_equal(address_format(buf, topology_address(t, 1, 1, AF_INET6)), "fd00::9/64");
}

/* Good files with all there is in the language. */
static const char *const good_files[] = {
	"title = \"a\" # comment\nseed = 7\ndeadline = 10s /* c */\n"
	"vary mode { values = { sequential, event-loop } }\n" TWO_NODES
	"switch S {}\nnode c { interface e1 { network = S mtu = 9000\n"
	"mac = \"42:21:88:16:E9:C5\" address = { 'fd00::1/64', \"10.1.0.1/24\" } } "
	"}\n" TRANSFER "mode = \"%{mode}\" format = raw broadcast = yes sender = { sh, -c } }\n"
	"capture { packets = headers filter = \"udp port 1\" buffer = 64MiB }\n",

	"vary loss { values = { 0%, 12.5% } }\n" TWO_NODES
	"node c { interface e0 { network = H delay = 10ms jitter = 2ms jitter-shape = normal\n"
	"jitter-reorders = yes loss = { \"%{loss}\", 25%, 100%, 0% } reorder = 1% corrupt = 0.1%\n"
	"drop = { 3, 20-25, \"5 of udp 10.0.0.1:20000 > 10.0.0.2:10000\" } drop-every = 10\n"
	"out { duplicate = 1% rate = 10mbit queue = 64KiB mtu = 1400 } in { loss = 0% } } }\n",

	TWO_NODES TRANSFER
	"}\n"
	"fault cut { at = 2s for = 1s link = b/eth0 action = down }\n"
	"fault worse { after = 500 from = a to = b port = 10000 link = a loss = 10%\n"
	"out { delay = 5ms } in { queue = 100p rate = 1mbit } }\n"
	"fault hole { at = 1.5s link = a action = blackhole direction = in }\n"
	"fault up { at = 4s link = b action = up }\n"
	"fault stop { at = 1s program = t node = b action = pause }\n"
	"fault go { at = 2s program = t node = b action = continue }\n",
};

static void good_files_have_no_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_files) / sizeof(good_files[0]); i++)
		plan_free(parse(good_files[i]));
}

/* What comes with the program, as make install and the README show it. */
static void shipped_files_have_no_mistake(void **state)
{
	glob_t g;

	(void)state;
	assert_int_equal(glob("../../../topologies/*.conf", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 7);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct problems p = { 0 };
		struct plan *plan = NULL;

		plan_load(g.gl_pathv[i], &plan, &p);

		cleanup_free char *messages = messages_of(&p);

		assert_string_equal(messages, "");
		plan_free(plan);
	}
	globfree(&g);
}

static void deep_nesting(void **state)
{
	enum { DEPTH = 200000 };
	cleanup_free char *text = malloc(3 * DEPTH + 1);
	struct problems p = { 0 };
	struct plan *plan = NULL;

	(void)state;
	for (size_t i = 0; i < DEPTH; i++)
		memcpy(text + 3 * i, "x {", 3);
	assert_int_equal(plan_parse("x.conf", text, 3 * DEPTH, &plan, &p), -1);
	problems_done(&p);
}

static int enter_folder(void **state)
{
	char path[] = __FILE__;

	(void)state;
	/* __FILE__ is as the compiler was told: tests/unit/test_topology.c from the top folder. */
	return chdir(dirname(path)) != 0 || chdir("topology") != 0;
}

/* Backslashes mean themselves in single quotes; in double quotes each is written twice. */
static void expressions_are_read_as_written(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		TWO_NODES
		"program p { node = a command = true }\n"
		"expect e { program = p output = { '\\d+\\.\\d', \"\\\\d+\\\\.\\\\d\", 'a\\\\b',\n"
		"    'it\\'s', '$x {2}' } count = \"2-5\" absent = '\"' }\n");
	const struct expectation *e = &plan->runs[0].topology->expectations[0];
	static const char *const texts[] = { "\\d+\\.\\d", "\\d+\\.\\d", "a\\b",
					     "it's",	   "$x {2}",	 "\"" };

	(void)state;
	assert_int_equal(e->n_conditions, 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(e->conditions[i].text, texts[i]);
	assert_int_equal(e->conditions[4].amount.low, 2);
	assert_int_equal(e->conditions[4].amount.high, 5);
	assert_int_equal(e->conditions[5].kind, EXPECT_ABSENT);
}

static void expectations_have_defaults(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		TWO_NODES "vary v { values = { x, y } }\n"
			  "program p { node = a command = { echo, \"%{v}\" } }\n"
			  "metric m { program = p output = '(\\d+)' }\n"
			  "expect f { node = b file = page }\n"
			  "expect c { capture = a }\n"
			  "expect o { metric = m above = \"90%\" below = 1.5 of = \"v=x\" }\n");
	const struct expectation *e = plan->runs[1].topology->expectations;

	(void)state;
	assert_int_equal(e[0].conditions[0].kind, EXPECT_EXISTS);
	assert_true(e[0].conditions[0].wanted);
	assert_int_equal(e[1].conditions[0].kind, EXPECT_PACKETS);
	assert_true(e[1].conditions[0].amount.low == 1);
	assert_true(e[2].conditions[0].low > 0.8999 && e[2].conditions[0].low < 0.9001);
	assert_true(e[2].conditions[0].high > 1.4999 && e[2].conditions[0].high < 1.5001);
	assert_string_equal(e[2].of[0].name, "v");
	assert_string_equal(e[2].of[0].value, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_get_their_messages),
		cmocka_unit_test(missing_and_unusable_files),
		cmocka_unit_test(unreadable_files),
		cmocka_unit_test(each_mistake_is_told_once),
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_key_is_set),
		cmocka_unit_test(paths_are_relative_to_the_file),
		cmocka_unit_test(byte_order_mark_and_crlf),
		cmocka_unit_test(matrix_is_expanded),
		cmocka_unit_test(combinations_are_excluded),
		cmocka_unit_test(labels_are_unlike),
		cmocka_unit_test(derived_macs),
		cmocka_unit_test(addresses_between_nodes),
		cmocka_unit_test(good_files_have_no_mistake),
		cmocka_unit_test(shipped_files_have_no_mistake),
		cmocka_unit_test(deep_nesting),
		cmocka_unit_test(expressions_are_read_as_written),
		cmocka_unit_test(expectations_have_defaults),
	};

	return cmocka_run_group_tests(tests, enter_folder, NULL);
}
