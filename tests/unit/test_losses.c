/* Tests of src/shrink/losses: from the log of a link to drop lists in a topology. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <net/ethernet.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "link/log.h"
#include "shrink/losses.h"
#include "topology/plan.h"
#include "topology/write.h"

/* a is clean and has no engine: link 0 is b's, link 1 is c's. */
static const char topology[] =
	"hub H {}\n"
	"node a { interface eth0 { network = H } }\n"
	"node b { interface eth0 { network = H delay = 1ms loss = 10% drop = { 3, 4 } } }\n"
	"node c { interface eth0 { network = H out { loss = { 1%, 5% } duplicate = 2% }\n"
	"  in { drop-every = 7 } } }\n"
	"fault f { link = c/eth0 at = 1s out { loss = 90% delay = 3ms } }\n"
	"fault g { link = b/eth0 at = 1s action = down }\n";

static struct plan *parse(void)
{
	struct problems p = { 0 };
	struct plan *plan = NULL;

	if (plan_parse("x.conf", topology, strlen(topology), &plan, &p) != 0)
		fail_msg("%s", p.messages[0]);
	return plan;
}

static struct link_flow flow(uint16_t link, uint8_t direction, uint16_t ethertype, uint16_t port)
{
	struct link_flow f = { .link = link, .direction = direction, .ethertype = ethertype };

	if (ethertype != ETHERTYPE_IP)
		return f;
	f.protocol = IPPROTO_UDP;
	f.from_port = port;
	f.to_port = 9;
	memset(f.from + 10, 0xff, 2);
	memset(f.to + 10, 0xff, 2);
	inet_pton(AF_INET, "10.0.0.1", f.from + 12);
	inet_pton(AF_INET, "10.0.0.2", f.to + 12);
	return f;
}

static void put(struct log_writer *w, uint32_t number_of_flow, uint64_t number,
		enum link_cause cause)
{
	log_write_frame(w, &(struct link_frame){ .flow = number_of_flow,
						 .number = number,
						 .cause = (uint8_t)cause,
						 .len = 100 });
}

/* The path of a log with frames of all kinds (free, unlink). */
static char *make_log(uint16_t second_link)
{
	char *path = text_dup("/tmp/test-losses-XXXXXX");
	int fd = mkstemp(path);
	cleanup_by(log_writer_freep) struct log_writer *w = NULL;
	struct err e;
	struct link_flow flows[] = { flow(0, LINK_OUT, ETHERTYPE_IP, 1000),
				     flow(second_link, LINK_OUT, ETHERTYPE_IP, 2000),
				     flow(0, LINK_IN, ETHERTYPE_ARP, 0),
				     flow(second_link, LINK_IN, ETHERTYPE_IP, 3000) };
	uint32_t n[4];

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(log_writer_open(path, &w, &e), 0);
	for (size_t i = 0; i < 4; i++)
		n[i] = log_write_flow(w, &flows[i]);
	put(w, n[0], 1, CAUSE_NONE);
	put(w, n[0], 2, CAUSE_LOSS);
	put(w, n[1], 1, CAUSE_BURST);
	put(w, n[0], 3, CAUSE_LISTED);
	put(w, n[2], 1, CAUSE_LOSS);
	put(w, n[0], 4, CAUSE_QUEUE);
	put(w, n[0], 5, CAUSE_LOSS);
	put(w, n[1], 2, CAUSE_DOWN);
	put(w, n[3], 7, CAUSE_EVERY);
	put(w, n[0], 6, CAUSE_STOPPED);
	assert_int_equal(log_writer_close(w, &e), 0);
	w = NULL;
	return path;
}

static void only_losses_by_chance(void **state)
{
	static const struct loss expected[] = {
		{ 1, 0, LINK_OUT, 0, 2 }, { 2, 0, LINK_OUT, 1, 1 }, { 1, 0, LINK_OUT, 0, 3 },
		{ 1, 0, LINK_OUT, 0, 5 }, { 2, 0, LINK_IN, 2, 7 },
	};
	cleanup_by(plan_freep) struct plan *plan = parse();
	cleanup_free char *log = make_log(1);
	cleanup_by(losses_done) struct losses l;
	struct err e;

	(void)state;
	assert_int_equal(losses_read(&l, log, plan->runs[0].topology, &e), 0);
	unlink(log);
	assert_int_equal(l.n, 5);
	assert_int_equal(l.n_other, 1);
	for (size_t i = 0; i < l.n; i++) {
		assert_int_equal(l.l[i].node, expected[i].node);
		assert_int_equal(l.l[i].interface, expected[i].interface);
		assert_int_equal(l.l[i].direction, expected[i].direction);
		assert_int_equal(l.l[i].flow, expected[i].flow);
		assert_int_equal(l.l[i].number, expected[i].number);
	}
	assert_string_equal(l.flows[1], "udp 10.0.0.1:2000 > 10.0.0.2:9");
}

static void a_log_of_another_topology(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse();
	cleanup_free char *log = make_log(2);
	cleanup_by(losses_done) struct losses l;
	struct err e;

	(void)state;
	assert_int_equal(losses_read(&l, log, plan->runs[0].topology, &e), -1);
	assert_non_null(strstr(e.msg, "link 2 of the log is not in the topology"));
	unlink(log);
}

static const struct impairment *of(const struct plan *plan, size_t node, enum direction d)
{
	return &plan->runs[0].topology->nodes[node].interfaces[0].impairments[d];
}

static void assert_drop(const struct impairment *i, size_t k, uint64_t first, uint64_t last,
			const char *flow_name)
{
	assert_true(k < i->n_drops);
	assert_int_equal(i->drops[k].first, first);
	assert_int_equal(i->drops[k].last, last);
	assert_string_equal(i->drops[k].flow, flow_name);
}

/* Chance is gone, the list is there, all else is as it was; and again with another choice. */
static void chosen_losses_are_listed(void **state)
{
	static const size_t all[] = { 0, 1, 2, 3, 4 };
	cleanup_by(plan_freep) struct plan *plan = parse();
	cleanup_free char *log = make_log(1);
	cleanup_by(losses_done) struct losses l;
	struct topology *t = plan->runs[0].topology;
	struct err e;

	(void)state;
	assert_int_equal(losses_read(&l, log, t, &e), 0);
	unlink(log);
	losses_apply(&l, all, 5, t);
	assert_int_equal(of(plan, 1, LINK_OUT)->n_drops, 2);
	assert_drop(of(plan, 1, LINK_OUT), 0, 2, 3, "udp 10.0.0.1:1000 > 10.0.0.2:9");
	assert_drop(of(plan, 1, LINK_OUT), 1, 5, 5, "udp 10.0.0.1:1000 > 10.0.0.2:9");
	assert_int_equal(of(plan, 1, LINK_OUT)->delay_ns, 1000000);
	assert_false(of(plan, 1, LINK_OUT)->loss > 0);
	assert_int_equal(of(plan, 1, LINK_IN)->n_drops, 0);
	assert_int_equal(of(plan, 2, LINK_OUT)->n_drops, 1);
	assert_false(of(plan, 2, LINK_OUT)->loss_enter > 0);
	assert_true(of(plan, 2, LINK_OUT)->duplicate > 0.019);
	assert_int_equal(of(plan, 2, LINK_IN)->drop_every, 0);
	assert_drop(of(plan, 2, LINK_IN), 0, 7, 7, "udp 10.0.0.1:3000 > 10.0.0.2:9");
	assert_drop(&t->faults[0].to[LINK_OUT], 0, 1, 1, "udp 10.0.0.1:2000 > 10.0.0.2:9");
	assert_false(t->faults[0].to[LINK_OUT].loss > 0);
	assert_int_equal(t->faults[0].to[LINK_OUT].delay_ns, 3000000);

	losses_apply(&l, &all[3], 1, t);
	assert_int_equal(of(plan, 1, LINK_OUT)->n_drops, 1);
	assert_drop(of(plan, 1, LINK_OUT), 0, 5, 5, "udp 10.0.0.1:1000 > 10.0.0.2:9");
	assert_int_equal(of(plan, 2, LINK_OUT)->n_drops, 0);

	cleanup_free char *text = topology_write(t, NULL);

	assert_null(strstr(text, "loss"));
	assert_null(strstr(text, "drop-every"));
	assert_non_null(strstr(text, "\"5 of udp 10.0.0.1:1000 > 10.0.0.2:9\""));
	losses_apply(&l, NULL, 0, t);
	assert_int_equal(of(plan, 1, LINK_OUT)->n_drops, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_losses_by_chance),
		cmocka_unit_test(a_log_of_another_topology),
		cmocka_unit_test(chosen_losses_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
