/* Tests of src/topology/write: what is parsed, written and parsed again is the same, field by field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "topology/address.h"
#include "topology/plan.h"
#include "topology/write.h"

static struct plan *parse(const char *path, const char *text)
{
	struct problems p = { 0 };
	struct plan *plan = NULL;

	if (plan_parse(path, text, strlen(text), &plan, &p) != 0)
		fail_msg("%s\n%s", p.messages[0], text);
	problems_done(&p);
	return plan;
}

/* ---- field by field ---- */

static void same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

/* The second one leads to the same file from anywhere, by the same name. */
static void same_path(const char *a, const char *b)
{
	cleanup_free char *x = realpath(a, NULL), *y = realpath(b, NULL);

	assert_non_null(x);
	same_text(x, y);
	assert_int_equal(b[0], '/');
	assert_string_equal(strrchr(b, '/'), strrchr(a, '/'));
}

static void same_command(char *const *a, char *const *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a == NULL)
		return;
	if (strchr(a[0], '/') != NULL)
		same_path(a[0], b[0]);
	else
		same_text(a[0], b[0]);
	for (size_t i = 1; a[i] != NULL || b[i] != NULL; i++)
		same_text(a[i], b[i]);
}

static void same_drops(const struct impairment *a, const struct impairment *b)
{
	assert_int_equal(a->n_drops, b->n_drops);
	for (size_t i = 0; i < a->n_drops; i++) {
		assert_true(a->drops[i].first == b->drops[i].first);
		assert_true(a->drops[i].last == b->drops[i].last);
		same_text(a->drops[i].flow, b->drops[i].flow);
	}
}

static void same_impairment(const struct impairment *a, const struct impairment *b)
{
	const double shares[][2] = {
		{ a->loss, b->loss },
		{ a->loss_enter, b->loss_enter },
		{ a->loss_leave, b->loss_leave },
		{ a->loss_bad, b->loss_bad },
		{ a->loss_good, b->loss_good },
		{ a->duplicate, b->duplicate },
		{ a->corrupt, b->corrupt },
		{ a->reorder, b->reorder },
	};
	const uint64_t numbers[][2] = {
		{ a->delay_ns, b->delay_ns },
		{ a->jitter_ns, b->jitter_ns },
		{ a->jitter_shape, b->jitter_shape },
		{ a->jitter_reorders, b->jitter_reorders },
		{ a->drop_every, b->drop_every },
		{ a->rate_bps, b->rate_bps },
		{ a->queue_bytes, b->queue_bytes },
		{ a->queue_packets, b->queue_packets },
		{ a->mtu, b->mtu },
		{ a->down, b->down },
	};

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		assert_true(shares[i][0] <= shares[i][1] && shares[i][0] >= shares[i][1]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_true(numbers[i][0] == numbers[i][1]);
	same_drops(a, b);
}

static void same_interface(const struct interface *a, const struct interface *b)
{
	same_text(a->name, b->name);
	assert_int_equal(a->network, b->network);
	assert_memory_equal(a->mac, b->mac, 6);
	assert_int_equal(a->mtu, b->mtu);
	assert_int_equal(a->engine, b->engine);
	assert_int_equal(a->n_addresses, b->n_addresses);
	for (size_t i = 0; i < a->n_addresses; i++) {
		char x[ADDRESS_TEXT_LEN], y[ADDRESS_TEXT_LEN];

		assert_string_equal(address_format(x, &a->addresses[i]),
				    address_format(y, &b->addresses[i]));
	}
	for (int d = 0; d < N_DIRECTIONS; d++)
		same_impairment(&a->impairments[d], &b->impairments[d]);
}

static void same_address(const struct address *a, const struct address *b)
{
	char x[ADDRESS_TEXT_LEN], y[ADDRESS_TEXT_LEN];

	assert_string_equal(address_format(x, a), address_format(y, b));
}

static void same_routing(const struct node *a, const struct node *b)
{
	assert_int_equal(a->forward, b->forward);
	assert_int_equal(a->n_routes, b->n_routes);
	for (size_t i = 0; i < a->n_routes; i++) {
		same_address(&a->routes[i].to, &b->routes[i].to);
		assert_int_equal(a->routes[i].kind, b->routes[i].kind);
		assert_int_equal(a->routes[i].interface, b->routes[i].interface);
		if (a->routes[i].kind == ROUTE_VIA)
			same_address(&a->routes[i].via, &b->routes[i].via);
	}
	assert_int_equal(a->n_settings, b->n_settings);
	for (size_t i = 0; i < a->n_settings; i++) {
		same_text(a->settings[i].name, b->settings[i].name);
		same_text(a->settings[i].value, b->settings[i].value);
	}
	assert_int_equal(a->n_masquerade, b->n_masquerade);
	for (size_t i = 0; i < a->n_masquerade; i++)
		assert_int_equal(a->masquerade[i], b->masquerade[i]);
	assert_int_equal(a->n_port_forwards, b->n_port_forwards);
	for (size_t i = 0; i < a->n_port_forwards; i++) {
		assert_int_equal(a->port_forwards[i].protocol, b->port_forwards[i].protocol);
		assert_int_equal(a->port_forwards[i].port, b->port_forwards[i].port);
		assert_int_equal(a->port_forwards[i].to_port, b->port_forwards[i].to_port);
		same_address(&a->port_forwards[i].to, &b->port_forwards[i].to);
	}
}

static void same_transfer(const struct transfer *a, const struct transfer *b)
{
	same_text(a->name, b->name);
	assert_int_equal(a->from, b->from);
	assert_int_equal(a->n_to, b->n_to);
	assert_memory_equal(a->to, b->to, a->n_to * sizeof(*a->to));
	assert_int_equal(a->n_files, b->n_files);
	for (size_t i = 0; i < a->n_files; i++) {
		same_text(a->files[i].name, b->files[i].name);
		same_path(a->files[i].path, b->files[i].path);
		assert_true(a->files[i].size == b->files[i].size);
	}
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->format, b->format);
	assert_int_equal(a->broadcast, b->broadcast);
	assert_int_equal(a->shared_socket, b->shared_socket);
	assert_int_equal(a->workers, b->workers);
	assert_true(a->rate_bps == b->rate_bps);
	same_command(a->sender, b->sender);
	same_command(a->receiver, b->receiver);
}

static void same_fault(const struct fault *a, const struct fault *b)
{
	same_text(a->name, b->name);
	assert_int_equal(a->action, b->action);
	assert_true(a->at_ns == b->at_ns && a->after == b->after && a->for_ns == b->for_ns);
	assert_true(a->flow.from == b->flow.from && a->flow.to == b->flow.to);
	assert_int_equal(a->flow.port, b->flow.port);
	assert_true(a->node == b->node && a->interface == b->interface);
	assert_true(a->transfer == b->transfer && a->command == b->command);
	for (int d = 0; d < N_DIRECTIONS; d++) {
		assert_int_equal(a->direction[d], b->direction[d]);
		if (a->action == FAULT_CHANGE)
			same_impairment(&a->to[d], &b->to[d]);
	}
}

static void same_maybe_path(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		same_path(a, b);
}

static void same_start(const struct command *a, const struct command *b)
{
	same_text(a->ready_output, b->ready_output);
	assert_int_equal(a->background, b->background);
	assert_int_equal(a->ends, b->ends);
	assert_int_equal(a->n_after, b->n_after);
	for (size_t i = 0; i < a->n_after; i++) {
		assert_int_equal(a->after[i].transfer, b->after[i].transfer);
		assert_int_equal(a->after[i].index, b->after[i].index);
	}
	assert_int_equal(a->env == NULL, b->env == NULL);
	for (size_t i = 0; a->env != NULL && (a->env[i] != NULL || b->env[i] != NULL); i++)
		same_text(a->env[i], b->env[i]);
	same_maybe_path(a->cwd, b->cwd);
	same_text(a->user, b->user);
	same_maybe_path(a->input, b->input);
}

static void same_program(const struct command *a, const struct command *b)
{
	same_start(a, b);
	assert_int_equal(a->stop_signal, b->stop_signal);
	assert_true(a->stop_grace_ns == b->stop_grace_ns && a->deadline_ns == b->deadline_ns);
	assert_true(a->ready_within_ns == b->ready_within_ns);
	assert_int_equal(a->restart, b->restart);
	assert_int_equal(a->max_restarts, b->max_restarts);
	assert_true(a->cpus == b->cpus && a->memory == b->memory);
	same_text(a->name, b->name);
	assert_int_equal(a->node, b->node);
	same_command(a->argv, b->argv);
	assert_int_equal(a->n_listens, b->n_listens);
	for (size_t i = 0; i < a->n_listens; i++) {
		assert_int_equal(a->listens[i].protocol, b->listens[i].protocol);
		assert_int_equal(a->listens[i].port, b->listens[i].port);
	}
}

static void same_condition(const struct condition *a, const struct condition *b)
{
	assert_int_equal(a->kind, b->kind);
	if (a->kind == EXPECT_SAME_AS)
		same_path(a->text, b->text);
	else
		same_text(a->text, b->text);
	assert_true(a->amount.low == b->amount.low && a->amount.high == b->amount.high);
	assert_memory_equal(&a->statuses, &b->statuses, sizeof(a->statuses));
	assert_memory_equal(&a->digest, &b->digest, sizeof(a->digest));
	assert_true(a->low <= b->low && a->low >= b->low && a->high <= b->high &&
		    a->high >= b->high);
	assert_true(a->wanted == b->wanted && a->included == b->included);
}

static void same_expectation(const struct expectation *a, const struct expectation *b)
{
	same_text(a->name, b->name);
	same_text(a->file, b->file);
	same_text(a->filter, b->filter);
	assert_true(a->program == b->program && a->metric == b->metric);
	assert_int_equal(a->node, b->node);
	assert_int_equal(a->n_captures, b->n_captures);
	for (size_t i = 0; i < a->n_captures; i++)
		assert_true(a->captures[i].node == b->captures[i].node &&
			    a->captures[i].interface == b->captures[i].interface);
	same_maybe_path(a->http, b->http);
	assert_true(a->sample >= b->sample && a->sample <= b->sample);
	assert_true(a->directed == b->directed && a->direction == b->direction);
	assert_true(a->from_ns == b->from_ns && a->until_ns == b->until_ns);
	assert_int_equal(a->n_conditions, b->n_conditions);
	for (size_t i = 0; i < a->n_conditions; i++)
		same_condition(&a->conditions[i], &b->conditions[i]);
	assert_int_equal(a->n_events, b->n_events);
	for (size_t i = 0; i < a->n_events; i++) {
		assert_int_equal(a->events[i].kind, b->events[i].kind);
		assert_int_equal(a->events[i].of_transfer, b->events[i].of_transfer);
		assert_int_equal(a->events[i].index, b->events[i].index);
		same_text(a->events[i].text, b->events[i].text);
	}
}

static void same_metric(const struct metric *a, const struct metric *b)
{
	same_text(a->name, b->name);
	same_text(a->output, b->output);
	same_text(a->unit, b->unit);
	assert_int_equal(a->program, b->program);
	assert_int_equal(a->take, b->take);
	assert_true(a->scale <= b->scale && a->scale >= b->scale);
}

static void same_topology(const struct topology *a, const struct topology *b)
{
	same_text(a->title, b->title);
	assert_true(a->seed == b->seed && a->deadline_ns == b->deadline_ns);
	assert_int_equal(a->n_networks, b->n_networks);
	for (size_t i = 0; i < a->n_networks; i++) {
		same_text(a->networks[i].name, b->networks[i].name);
		assert_int_equal(a->networks[i].kind, b->networks[i].kind);
	}
	assert_int_equal(a->n_nodes, b->n_nodes);
	for (size_t i = 0; i < a->n_nodes; i++) {
		same_text(a->nodes[i].name, b->nodes[i].name);
		assert_int_equal(a->nodes[i].n_interfaces, b->nodes[i].n_interfaces);
		for (size_t k = 0; k < a->nodes[i].n_interfaces; k++)
			same_interface(&a->nodes[i].interfaces[k], &b->nodes[i].interfaces[k]);
		same_routing(&a->nodes[i], &b->nodes[i]);
	}
	assert_int_equal(a->n_transfers, b->n_transfers);
	for (size_t i = 0; i < a->n_transfers; i++)
		same_transfer(&a->transfers[i], &b->transfers[i]);
	assert_int_equal(a->n_commands, b->n_commands);
	for (size_t i = 0; i < a->n_commands; i++)
		same_program(&a->commands[i], &b->commands[i]);
	assert_int_equal(a->n_faults, b->n_faults);
	for (size_t i = 0; i < a->n_faults; i++)
		same_fault(&a->faults[i], &b->faults[i]);
	assert_int_equal(a->n_metrics, b->n_metrics);
	for (size_t i = 0; i < a->n_metrics; i++)
		same_metric(&a->metrics[i], &b->metrics[i]);
	assert_int_equal(a->n_expectations, b->n_expectations);
	for (size_t i = 0; i < a->n_expectations; i++)
		same_expectation(&a->expectations[i], &b->expectations[i]);
	assert_int_equal(a->capture.kind, b->capture.kind);
	assert_int_equal(a->capture.snaplen, b->capture.snaplen);
	assert_int_equal(a->capture.buffer, b->capture.buffer);
	same_text(a->capture.filter, b->capture.filter);
}

/* Of every run of the plan; the text may stand anywhere. */
static void assert_round_trip(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_runs; i++) {
		cleanup_free char *text = topology_write(plan->runs[i].topology, "Two\n\nlines.");
		cleanup_by(plan_freep) struct plan *again = parse("/elsewhere/x.conf", text);

		assert_int_equal(strncmp(text, "# Two\n#\n# lines.\n\n", 18), 0);
		assert_int_equal(again->n_runs, 1);
		same_topology(plan->runs[i].topology, again->runs[0].topology);
	}
}

/* ---- */

#define FLOW "udp 10.0.0.1:*1 > 10.0.0.2:10000"

static const char everything[] =
	"title = \"Say \\\"it\\\" \\\\ ${HOME} # not a comment\"\n"
	"seed = 18446744073709551615\n"
	"deadline = 1500ms\n"
	"hub H {}\nswitch I {}\n"
	"vary loss { values = { \"0.1%\", \"33.3%\", \"100%\" } }\n"
	"node a {\n"
	"  interface eth0 { network = H address = { 10.0.0.1/24, \"2001:db8::1/64\" } mtu = 9000\n"
	"    mac = \"42:21:88:16:E9:C5\"\n"
	"    delay = 12345678ns jitter = 2ms jitter-shape = pareto jitter-reorders = yes\n"
	"    loss = \"%{loss}\" duplicate = 5% corrupt = 0.000001% reorder = 7%\n"
	"    rate = 10mbit queue = 64KiB\n"
	"    drop = { 3, \"20-25\", \"5 of " FLOW "\", \"7-9 of " FLOW "\" } drop-every = 100\n"
	"    in { mtu = 1400 queue = 100p loss = { 1%, 20%, 90%, 0.5% } } }\n"
	"  interface eth1 { network = I address = { 10.1.0.1/24, \"fe80::1/64\" } }\n"
	"  forward = yes masquerade = { eth1, eth0 } gateway = 10.1.0.9\n"
	"  route = { \"10.2.0.0/16 via 10.0.0.2\", \"default via fe80::9 dev eth1\",\n"
	"    \"10.3.0.0/16 dev eth1\", \"blackhole 10.4.0.0/16\", \"10.5.5.5 via 10.0.0.3\" }\n"
	"  sysctl = { \"net.ipv4.tcp_rmem = 4096 87380 \\\"6\\\"\", \"net/ipv4/a.b=1\" }\n"
	"  port-forward = { \"tcp/8080 to 10.0.0.2:80\", \"udp/53 to 10.0.0.3:5353\" }\n"
	"}\n"
	"node i { interface eth0 { network = I address = { 10.1.0.9/24, \"fe80::9/64\" } } }\n"
	"node b { interface eth0 { network = H address = 10.0.0.2/24 mtu = 9000 out { delay = 1h } "
	"} }\n"
	"node c { interface eth0 { network = H address = 10.0.0.3/24 mtu = 9000 loss = 0% } }\n"
	"transfer t { from = a to = { b, c } files = { \"tests/unit/topology/files/a.bin\",\n"
	"    \"tests/unit/topology/files/b.bin\" } mode = event-loop port = 20000 rate = 1mbit\n"
	"    sender = { sh, \"-c\", \"exit 3 # \\\"\" }\n"
	"    receiver = { \"tests/labs/../../ci/check\" } }\n"
	"transfer u { from = b to = c files = \"tests/unit/topology/files/a.bin\" format = raw\n"
	"    broadcast = yes shared-socket = yes workers = 3 }\n"
	"program p { node = a command = \"sh -c 'a \\\"b' '' \\\\\\\\ it\\\"'\\\"s\" }\n"
	"program q { node = b command = { \"tests/labs/../../ci/check\", \"a  b\" }\n"
	"    listens = { \"udp/5000\", \"tcp/80\" } }\n"
	"fault f1 { link = a/eth0 at = 0s for = 10ms loss = 0% out { delay = 0s jitter = 0s "
	"reorder = 0% } }\n"
	"fault f2 { link = a/eth1 at = 1s in { rate = 1kbit } }\n"
	"fault f3 { link = b after = 500 from = a to = b port = 20000 action = blackhole\n"
	"    direction = in }\n"
	"fault f4 { link = c at = 500ms action = down }\n"
	"program r { node = a command = \"ls %{here}\" ready-output = 'up \\d+ \"' ready-within = "
	"3s\n"
	" listens = udp/9 after = s env = { \"A=1 2\", \"B=\" } cwd = \"tests/labs\" user = root\n"
	" ends = yes stdin = \"ci/check\" stop-signal = INT stop-within = 90ms deadline = 4s\n"
	" restart = \"on-failure:4\" cpus = 0.3 memory = 3MiB }\n"
	"program s { node = b command = \"curl -w %%{http_code}%%%{here}\" background = yes "
	"restart = always }\n"
	"program v { node = b command = true after = { t, r } }\n"
	"fault f7 { program = r at = 20ms action = pause }\n"
	"fault f5 { program = t node = b at = 20ms action = restart }\n"
	"fault f6 { program = u node = b at = 20ms for = 1s action = pause }\n"
	"metric m1 { program = p output = 'rate: (?<value>[\\d.]+) (\\w+)' }\n"
	"metric m2 { program = q output = \"(it's)\" unit = \"it's \\\"\" take = count\n"
	"    scale = 0.1 }\n"
	"expect e1 { program = p exit = { 0, 2-5, SIGKILL, 255 } }\n"
	"expect e2 { program = p exit = \"not 0\" output = { 'a\\.b', \"it's \\\\d\" }\n"
	"    count = \"< 10\" absent = { 'x{2,3}', '\\\\d%%{2}', 'a\\\\b' } }\n"
	"expect e3 { node = c file = \"out/page.html\" }\n"
	"expect e4 { node = c file = \"x\" exists = no }\n"
	"expect e5 { node = c file = \"x\" same-as = \"tests/unit/topology/files/a.bin\"\n"
	"    sha256 = 00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n"
	"    png = no size = \"1KiB-1MiB\" }\n"
	"expect e6 { capture = a/eth1 filter = \"tcp port 80\" direction = in from = 500ms\n"
	"    until = 2s packets = 3 bytes = \"<= 2kB\" }\n"
	"expect e7 { capture = b }\n"
	"expect e12 { capture = { b, a/eth1 } connections = \"> 2\" spread = \"<= 1\" from = 1s }\n"
	"expect e13 { capture = b http = \"tests/unit/topology/files\" responses = 3 lost = 2\n"
	"    sample = 12.5% }\n"
	"expect e14 { capture = b http = \"tests/unit/topology/files\" }\n"
	"expect e15 { capture = a/eth1 http = \"tests/unit/topology/files\" responses = 2\n"
	"    lost-in = e14 }\n"
	"expect e16 { capture = { b, a/eth1 } http = \"tests/unit/topology/files\" spread = 2\n"
	"    responses = 9 lost = 3 lost-in = e15 }\n"
	"expect e8 { metric = m1 above = 0.1 }\n"
	"expect e9 { metric = m1 above = -1e9 below = 1.5 }\n"
	"expect e10 { metric = m2 between = { 9, 9.9 } }\n"
	"expect e11 { order = { \"q ready\", \"p started\", 'q output GET /\\w+', \"t ended\",\n"
	"    \"fault f1\" } }\n"
	"capture { packets = headers snaplen = 96 filter = \"udp port 10000\" buffer = 1536KiB }\n";

static void everything_comes_back(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse("everything.conf", everything);

	(void)state;
	assert_int_equal(plan->n_runs, 3);
	assert_round_trip(plan);
}

static void little_is_written_as_little(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse(
		"x.conf", "hub H {} node a { interface eth0 { network = H\n"
			  "mac = \"42:21:88:16:E9:C5\" out { loss = 30% } } }");
	cleanup_free char *text = topology_write(plan->runs[0].topology, NULL);

	(void)state;
	assert_string_equal(text, "seed = 1\n\nhub H {}\n\nnode a {\n\tinterface eth0 {\n"
				  "\t\tnetwork = H\n\t\tmac = \"42:21:88:16:e9:c5\"\n"
				  "\t\tout {\n\t\t\tloss = 30%\n\t\t}\n\t}\n}\n");
}

static void our_own_topologies_come_back(void **state)
{
	static const char *const paths[] = { "topologies/3alpine.conf", "topologies/raw.conf",
					     "topologies/routers.conf", "topologies/nat.conf" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		cleanup_by(plan_freep) struct plan *plan = NULL;
		struct problems p = { 0 };

		assert_int_equal(plan_load(paths[i], &plan, &p), 0);
		assert_round_trip(plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(little_is_written_as_little),
		cmocka_unit_test(our_own_topologies_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
