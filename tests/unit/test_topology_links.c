/*
 * Impaired links and faults: what a good topology file makes of them, in which
 * words they are told, and what of them the kernel's netem cannot do. Messages
 * of bad files: test_topology.c.
 */
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "topology/describe.h"
#include "topology/netem_limits.h"
#include "topology/plan.h"
#include "unit/plan_text.h"

#define FLOW "udp 10.0.0.1:20000 > 10.0.0.2:10000"

/* a and c have one interface; b has two, and its first one is on another network. */
#define HEAD	     "hub H {}\nhub I {}\n"
#define NODE_A(keys) "node a { interface eth0 { network = H address = 10.0.0.1/24\n" keys "\n} }\n"
#define NODE_B                                                                                     \
	"node b { interface eth0 { network = I address = 10.0.1.2/24 }\n"                          \
	"interface eth1 { network = H address = 10.0.0.2/24 } }\n"
#define NODE_C	 "node c { interface eth0 { network = H address = 10.0.0.3/24 } }\n"
#define TRANSFER "transfer t { from = a to = { b, c } files = \"files/a.bin\" }\n"
/* A network has one MTU. */
#define LAB_OF_MTU(mtu, keys)                                                                      \
	HEAD NODE_A(mtu                                                                            \
		    "\n" keys) "node b { interface eth0 { network = I address = 10.0.1.2/24 }\n"   \
			       "interface eth1 { network = H address = 10.0.0.2/24 " mtu " } }\n"  \
			       "node c { interface eth0 { network = H address = 10.0.0.3/24 " mtu  \
			       " } }\n" TRANSFER
#define LAB(keys)                                                                                  \
	HEAD NODE_A(keys)                                                                          \
	NODE_B NODE_C TRANSFER

static const struct interface *interface_of(const struct plan *plan, size_t node, size_t interface)
{
	return &plan->runs[0].topology->nodes[node].interfaces[interface];
}

static const struct impairment *out_of_a(const struct plan *plan)
{
	return &interface_of(plan, 0, 0)->impairments[LINK_OUT];
}

static const struct impairment *in_of_a(const struct plan *plan)
{
	return &interface_of(plan, 0, 0)->impairments[LINK_IN];
}

/* ---- links ---- */

static void a_link_is_clean_unless_told(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(LAB_OF_MTU("mtu = 1400", ""));

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(impairment_is_clean(&interface_of(plan, i, 0)->impairments[LINK_OUT]));
		assert_true(impairment_is_clean(&interface_of(plan, i, 0)->impairments[LINK_IN]));
		assert_false(interface_of(plan, i, 0)->engine);
	}
	assert_int_equal(interface_of(plan, 0, 0)->mtu, 1400);
	assert_int_equal(topology_count_engines(plan->runs[0].topology), 0);
}

static void every_key_is_set(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(LAB_OF_MTU(
		"mtu = 9000",
		"delay = 10ms jitter = 2.5ms jitter-shape = pareto jitter-reorders = yes\n"
		"loss = 1% drop = 3 drop-every = 10 duplicate = 2% reorder = 3%\n"
		"corrupt = 0.1% rate = 10mbit queue = 100p\n"
		"in { mtu = 1400 }"));
	const struct impairment *out = out_of_a(plan), *in = in_of_a(plan);

	(void)state;
	for (const struct impairment *i = out; i != NULL; i = i == out ? in : NULL) {
		assert_int_equal(i->delay_ns, 10 * NS_PER_MS);
		assert_int_equal(i->jitter_ns, 2500 * NS_PER_US);
		assert_int_equal(i->jitter_shape, JITTER_PARETO);
		assert_true(i->jitter_reorders);
		assert_true(i->loss == 0.01 && i->loss_enter == 0);
		assert_int_equal(i->n_drops, 1);
		assert_int_equal(i->drop_every, 10);
		assert_true(i->duplicate == 0.02 && i->reorder == 0.03 && i->corrupt == 0.001);
		assert_int_equal(i->rate_bps, 10000000);
		assert_int_equal(i->queue_packets, 100);
		assert_int_equal(i->queue_bytes, 0);
		assert_false(i->down);
	}
	assert_int_equal(out->mtu, 0);
	assert_int_equal(in->mtu, 1400);
	assert_int_equal(interface_of(plan, 0, 0)->mtu, 9000);
	assert_ptr_not_equal(out->drops, in->drops);
	assert_int_equal(out->lines[IMPAIRMENT_LOSS], 6);
	assert_int_equal(out->lines[IMPAIRMENT_MTU], 0);
	assert_int_equal(in->lines[IMPAIRMENT_MTU], 8);
}

/* Wherever the blocks stand: they come after the keys around them. */
static void directions_override_key_by_key(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		LAB("out { loss = 5% drop = 9 queue = 10p }\n"
		    "loss = { 1%, 20% } delay = 10ms drop = { 1, 2 } rate = 1mbit queue = 64KiB\n"
		    "in { delay = 0ms }"));
	const struct impairment *out = out_of_a(plan), *in = in_of_a(plan);

	(void)state;
	assert_true(out->loss == 0.05 && out->loss_enter == 0 && out->loss_bad == 0);
	assert_int_equal(out->delay_ns, 10 * NS_PER_MS);
	assert_int_equal(out->n_drops, 1);
	assert_int_equal(out->drops[0].first, 9);
	assert_true(out->queue_packets == 10 && out->queue_bytes == 0);
	assert_true(in->loss == 0 && in->loss_enter == 0.01 && in->loss_leave == 0.2);
	assert_true(in->loss_bad == 1 && in->loss_good == 0);
	assert_int_equal(in->delay_ns, 0);
	assert_int_equal(in->n_drops, 2);
	assert_true(in->queue_packets == 0 && in->queue_bytes == 65536);
	assert_int_equal(in->lines[IMPAIRMENT_DELAY], 6);
}

static void drops(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		LAB("out { drop = { 7, 20-25, \"5 of " FLOW "\",\n"
		    "'2-4 of udp [FD00:0::1]:*1 > fd00::2:053', '1 of icmp6 fd00::1 > fd00::2',\n"
		    "'1 of ip-89 10.0.0.1 > 224.0.0.5' } }"));
	static const struct {
		uint64_t first, last;
		const char *flow;
	} expected[] = {
		{ 7, 7, NULL },
		{ 20, 25, NULL },
		{ 5, 5, FLOW },
		/* As the logs of links have it. */
		{ 2, 4, "udp [fd00::1]:*1 > [fd00::2]:53" },
		{ 1, 1, "icmp6 fd00::1 > fd00::2" },
		{ 1, 1, "ip-89 10.0.0.1 > 224.0.0.5" },
	};
	const struct impairment *out = out_of_a(plan);

	(void)state;
	assert_int_equal(out->n_drops, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(out->drops[i].first, expected[i].first);
		assert_int_equal(out->drops[i].last, expected[i].last);
		assert_true((out->drops[i].flow == NULL) == (expected[i].flow == NULL));
		if (expected[i].flow != NULL)
			assert_string_equal(out->drops[i].flow, expected[i].flow);
	}
	assert_int_equal(in_of_a(plan)->n_drops, 0);
}

static void bursts(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		LAB("out { loss = { 1%, 25%, 50%, 0.5% } } in { loss = { 0%, 25%, 50%, 0.5% } }"));
	const struct impairment *out = out_of_a(plan), *in = in_of_a(plan);

	(void)state;
	assert_true(out->loss == 0 && out->loss_enter == 0.01 && out->loss_leave == 0.25);
	assert_true(out->loss_bad == 0.5 && out->loss_good == 0.005);
	/* The bad state is never entered: what is left is the loss of the good one. */
	assert_true(in->loss_enter == 0 && in->loss == 0.005);
}

static void variables_in_impairments(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"vary loss { values = { 0%, 30% } }\n" LAB("loss = \"%{loss}\""));

	(void)state;
	assert_int_equal(plan->n_runs, 2);
	assert_string_equal(plan->runs[1].label, "loss=30%");
	assert_false(plan->runs[0].topology->nodes[0].interfaces[0].engine);
	assert_true(plan->runs[1].topology->nodes[0].interfaces[0].engine);
	assert_true(plan->runs[1].topology->nodes[0].interfaces[0].impairments[LINK_IN].loss ==
		    0.3);
}

/* ---- faults ---- */

static void faults_of_links(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"fault cut { at = 1.5s for = 2s link = b/eth1 action = down }\n"
		"fault up { at = 3s link = b/eth1 action = up }\n"
		"fault hole { at = 0s link = c action = blackhole direction = in }\n"
		"fault cnt { after = 500 from = a to = b port = 10000 link = a/eth0\n"
		"            action = change drop = 4 in { loss = 10% } }\n" LAB(
			"delay = 10ms drop = { 1, 2 } loss = { 1%, 5% }"));
	const struct fault *f = plan->runs[0].topology->faults;

	(void)state;
	assert_int_equal(plan->runs[0].topology->n_faults, 4);
	assert_string_equal(f[0].name, "cut");
	assert_int_equal(f[0].action, FAULT_DOWN);
	assert_int_equal(f[0].at_ns, 1500 * NS_PER_MS);
	assert_int_equal(f[0].for_ns, 2 * NS_PER_SEC);
	assert_true(f[0].after == 0 && f[0].node == 1 && f[0].interface == 1);
	assert_true(f[0].direction[LINK_OUT] && f[0].direction[LINK_IN]);
	assert_int_equal(f[1].action, FAULT_UP);
	assert_true(f[2].direction[LINK_IN] && !f[2].direction[LINK_OUT]);
	assert_true(f[2].at_ns == 0 && f[2].for_ns == 0 && f[2].node == 2);
	assert_int_equal(f[3].after, 500);
	assert_int_equal(f[3].after_line, 4);
	assert_true(f[3].flow.from == 0 && f[3].flow.to == 1 && f[3].flow.port == 10000);
	assert_int_equal(f[3].action, FAULT_CHANGE);
	assert_int_equal(f[3].line, 4);
}

/* The link's own impairment with what the fault says of it, in memory of its own. */
static void a_change_begins_with_what_is_there(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		LAB("delay = 10ms drop = { 1, 2 } loss = { 1%, 5% }") "fault one { at = 1s link = "
								      "a out { loss = 10% } }\n"
								      "fault two { at = 1s link = "
								      "a drop = { 7, 8, 9 } in { "
								      "delay = 1s } }\n");
	const struct fault *f = plan->runs[0].topology->faults;

	(void)state;
	assert_int_equal(f[0].action, FAULT_CHANGE);
	assert_true(f[0].direction[LINK_OUT] && !f[0].direction[LINK_IN]);
	assert_int_equal(f[0].to[LINK_OUT].delay_ns, 10 * NS_PER_MS);
	assert_true(f[0].to[LINK_OUT].loss == 0.1 && f[0].to[LINK_OUT].loss_enter == 0);
	assert_int_equal(f[0].to[LINK_OUT].n_drops, 2);
	assert_ptr_not_equal(f[0].to[LINK_OUT].drops, out_of_a(plan)->drops);
	assert_true(f[1].direction[LINK_OUT] && f[1].direction[LINK_IN]);
	assert_int_equal(f[1].to[LINK_OUT].delay_ns, 10 * NS_PER_MS);
	assert_int_equal(f[1].to[LINK_IN].delay_ns, NS_PER_SEC);
	assert_int_equal(f[1].to[LINK_IN].n_drops, 3);
	assert_true(f[1].to[LINK_IN].loss_enter == 0.01);
	assert_int_equal(out_of_a(plan)->n_drops, 2);
}

static void faults_of_programs(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		LAB("") "fault k { at = 1s program = t node = c action = kill }\n"
			"fault p { at = 1s for = 1s program = t node = a action = pause }\n"
			"fault c { at = 3s program = t node = a action = continue }\n"
			"fault r { after = 9 from = b to = a program = t node = b\n"
			"          action = restart }\n");
	const struct topology *t = plan->runs[0].topology;

	(void)state;
	assert_int_equal(t->faults[0].action, FAULT_KILL);
	assert_true(t->faults[0].node == 2 && t->faults[0].transfer == 0);
	assert_int_equal(t->faults[1].action, FAULT_PAUSE);
	assert_int_equal(t->faults[1].node, 0);
	assert_int_equal(t->faults[2].action, FAULT_CONTINUE);
	assert_int_equal(t->faults[3].action, FAULT_RESTART);
	/* Only the link that counts has an engine: it is b's second one that leads to a. */
	assert_int_equal(topology_count_engines(t), 1);
	assert_true(t->nodes[1].interfaces[1].engine);
}

static void engines(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		LAB("in { duplicate = 1% }") "fault cut { at = 1s link = b/eth0 action = down }\n");
	const struct topology *t = plan->runs[0].topology;

	(void)state;
	assert_true(t->nodes[0].interfaces[0].engine);
	assert_true(t->nodes[1].interfaces[0].engine);
	assert_false(t->nodes[1].interfaces[1].engine);
	assert_false(t->nodes[2].interfaces[0].engine);
}

/* ---- in words ---- */

static void expect_text(char *text, const char *expected)
{
	cleanup_free char *t = text;

	assert_string_equal(t, expected);
}

static void links_in_words(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		LAB("out { delay = 10ms loss = 1% rate = 10mbit queue = 64KiB }"));
	cleanup_by(plan_freep) struct plan *all = parse(
		LAB("delay = 10ms jitter = 2ms jitter-shape = normal jitter-reorders = yes\n"
		    "duplicate = 2% corrupt = 0.1% reorder = 3% drop-every = 10\n"
		    "drop = { 3, 20-25, '5 of " FLOW "' }\n"
		    "out { loss = { 1%, 24%, 50%, 0% } mtu = 1400 }\n"
		    "in { jitter-reorders = no rate = 1500kbit queue = 7p }"));

	(void)state;
	expect_text(describe_link(interface_of(plan, 0, 0)),
		    "out: delay 10ms, loss 1%, rate 10mbit queue 64KiB; in: clean");
	expect_text(describe_impairment(out_of_a(all)),
		    "mtu 1400, delay 10ms, jitter 2ms normal reordering, loss in bursts { enter "
		    "1%, leave 24%, bad 50%, good 0%: 2% of all }, drop { 3, 20-25, 5 of " FLOW
		    " }, drop every 10, duplicate 2%, corrupt 0.1%, reorder 3%");
	expect_text(describe_impairment(in_of_a(all)),
		    "delay 10ms, jitter 2ms normal, drop { 3, 20-25, 5 of " FLOW
		    " }, drop every 10, duplicate 2%, corrupt 0.1%, reorder 3%, rate 1500kbit "
		    "queue 7p");
}

static void expect_fault(const struct topology *t, size_t i, const char *time, const char *place,
			 const char *action)
{
	expect_text(describe_fault_time(t, &t->faults[i]), time);
	expect_text(describe_fault_place(t, &t->faults[i]), place);
	expect_text(describe_fault_action(&t->faults[i]), action);
}

static void faults_in_words(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(LAB(
		"delay = 1ms") "fault f1 { at = 1.5s for = 250ms link = b/eth1 action = down }\n"
			       "fault f2 { after = 1 from = a to = b for = 1s link = a\n"
			       "           loss = 5% in { delay = 0ms } }\n"
			       "fault f3 { after = 500 from = a to = b port = 7 link = a\n"
			       "           action = blackhole direction = in }\n"
			       "fault f4 { at = 0s program = t node = a action = kill }\n"
			       "fault f5 { at = 1s program = t node = c action = restart }\n"
			       "fault f6 { at = 1s link = a in { loss = 0% delay = 0s } }\n");
	const struct topology *t = plan->runs[0].topology;

	(void)state;
	expect_fault(t, 0, "at 1500ms for 250ms", "b/eth1", "down");
	expect_fault(t, 1, "after 1 datagram from a to b, for 1s", "a/eth0",
		     "out becomes: delay 1ms, loss 5%; in becomes: loss 5%");
	expect_fault(t, 2, "after 500 datagrams from a to b, port 7", "a/eth0", "blackhole in");
	expect_fault(t, 3, "at 0s", "sender of t at a", "kill");
	expect_fault(t, 4, "at 1s", "receiver of t at c", "restart");
	expect_fault(t, 5, "at 1s", "a/eth0", "in becomes: clean");
}

/* ---- netem ---- */

static void expect_netem(const char *text, const char *expected)
{
	cleanup_by(plan_freep) struct plan *plan = parse(text);
	struct problems p = { 0 };
	int all = 0;

	for (size_t i = 0; i < plan->n_runs; i++)
		all |= topology_check_netem(plan->runs[i].topology, &p);

	cleanup_free char *messages = messages_of(&p);

	assert_string_equal(messages, expected);
	assert_int_equal(all, *expected == '\0' ? 0 : -1);
}

static void netem_can(void **state)
{
	(void)state;
	expect_netem(
		LAB("delay = 3s jitter = 2s jitter-reorders = yes loss = { 1%, 20% }\n"
		    "duplicate = 1% reorder = 1% corrupt = 1%\n"
		    "in { rate = 10mbit queue = 100p jitter-reorders = no }") "fault cut { at = 1s "
									      "for = 1s link = c "
									      "action = down }\n"
									      "fault low { at = 1s "
									      "link = a rate = "
									      "1mbit "
									      "jitter-reorders = "
									      "no }\n"
									      "fault far { at = 2s "
									      "link = c delay = 1s "
									      "jitter = 300ms "
									      "jitter-shape = "
									      "pareto }\n",
		"");
}

static void netem_cannot(void **state)
{
	(void)state;
	expect_netem(
		"fault late { at = 1s link = c\n"
		"             drop-every = 2 delay = 3s jitter = 2001ms }\n"
		"fault many { link = c action = down from = a to = c\n"
		"             after = 5 }\n"
		"vary every { values = { 2, 3 } }\n" HEAD NODE_A(
			"drop = 3\n"
			"drop-every = \"%{every}\"\n"
			"out { mtu = 1400 }\n"
			"delay = 10ms\n"
			"jitter = 301ms jitter-shape = pareto\n"
			"in { rate = 10mbit queue = 64KiB\n"
			"     jitter-reorders = yes }") NODE_B NODE_C TRANSFER
		"fault more { at = 1s link = a loss = 1% }\n",
		"x.conf:2: drop-every: netem cannot lose every n-th datagram of a flow\n"
		"x.conf:2: jitter: netem has 2s at most\n"
		"x.conf:4: after: netem does not count datagrams; give the fault a time, as in at "
		"= 2s\n"
		"x.conf:9: drop: netem cannot lose chosen datagrams\n"
		"x.conf:10: drop-every: netem cannot lose every n-th datagram of a flow\n"
		"x.conf:11: mtu: netem lets frames of any size through; give the interface an "
		"mtu\n"
		"x.conf:13: jitter: netem has 300ms at most where its shape is pareto\n"
		"x.conf:14: queue: netem counts packets, not bytes, as in queue = 100p\n"
		"x.conf:15: jitter-reorders: netem keeps frames in order where there is a rate\n");
}

static int enter_folder(void **state)
{
	char path[] = __FILE__;

	(void)state;
	/* __FILE__ is as the compiler was told: below the top folder, where tests are run. */
	return chdir(dirname(path)) != 0 || chdir("topology") != 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_clean_unless_told),
		cmocka_unit_test(every_key_is_set),
		cmocka_unit_test(directions_override_key_by_key),
		cmocka_unit_test(drops),
		cmocka_unit_test(bursts),
		cmocka_unit_test(variables_in_impairments),
		cmocka_unit_test(faults_of_links),
		cmocka_unit_test(a_change_begins_with_what_is_there),
		cmocka_unit_test(faults_of_programs),
		cmocka_unit_test(engines),
		cmocka_unit_test(links_in_words),
		cmocka_unit_test(faults_in_words),
		cmocka_unit_test(netem_can),
		cmocka_unit_test(netem_cannot),
	};

	return cmocka_run_group_tests(tests, enter_folder, NULL);
}
