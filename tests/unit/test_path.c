/* Tests of src/topology/path: where the routes of a topology lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "topology/address.h"
#include "topology/path.h"
#include "topology/plan.h"

enum { HOST, NAT, ROUTER, SERVER, ALONE };

static const char lab[] =
	"hub A {} hub B {} hub C {}\n"
	"node host   { interface e0 { network = A address = 10.0.1.2/24 } gateway = 10.0.1.1 }\n"
	"node nat    { interface e0 { network = A address = 10.0.1.1/24 }\n"
	"              interface e1 { network = B address = { 10.0.2.1/24, 'fd02::1/64' } }\n"
	"              forward = yes masquerade = e1 route = { '10.0.3.0/24 via 10.0.2.2',\n"
	"              'blackhole 10.0.3.128/25', 'default via 10.0.1.2' } }\n"
	"node router { interface e0 { network = B address = { 10.0.2.2/24, 'fd02::2/64' } }\n"
	"              interface e1 { network = C address = { 10.0.3.2/24, 'fd03::2/64' } }\n"
	"              forward = yes }\n"
	"node server { interface e0 { network = C address = { 10.0.3.200/24, 10.0.3.3/24 } }\n"
	"              interface e1 { network = B address = 10.0.2.3/24 } }\n"
	"node alone  { interface e0 { network = B address = { 10.0.2.4/24, 'fd02::4/64' } } }\n";

static struct plan *parse(void)
{
	struct problems p = { 0 };
	struct plan *plan = NULL;

	if (plan_parse("x.conf", lab, strlen(lab), &plan, &p) != 0)
		fail_msg("%s", p.messages[0]);
	problems_done(&p);
	return plan;
}

static size_t length(const struct topology *t, size_t from, const char *to)
{
	struct address a;
	struct err e;

	assert_int_equal(address_parse_host(to, &a, &e), 0);
	return path_length(t, from, &a);
}

static void routers_are_counted(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse();
	const struct topology *t = plan->runs[0].topology;

	(void)state;
	assert_int_equal(length(t, HOST, "10.0.1.2"), 0);
	assert_int_equal(length(t, HOST, "10.0.1.1"), 0);
	assert_int_equal(length(t, HOST, "10.0.2.1"), 0);
	assert_int_equal(length(t, HOST, "10.0.2.4"), 1);
	assert_int_equal(length(t, HOST, "10.0.3.2"), 1);
	assert_int_equal(length(t, HOST, "10.0.3.3"), 2);
	assert_int_equal(length(t, ALONE, "fd02::2"), 0);
}

static void where_there_is_no_way(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse();
	const struct topology *t = plan->runs[0].topology;

	(void)state;
	/* A longer prefix wins; nobody has it; no route; a host does not forward; in a circle. */
	assert_int_equal(length(t, HOST, "10.0.3.200"), PATH_NONE);
	assert_int_equal(length(t, HOST, "10.0.3.4"), PATH_NONE);
	assert_int_equal(length(t, ALONE, "10.0.3.3"), PATH_NONE);
	assert_int_equal(length(t, ALONE, "fd03::2"), PATH_NONE);
	assert_int_equal(length(t, NAT, "10.9.9.9"), PATH_NONE);
}

static void the_nearest_address_is_chosen(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse();
	const struct topology *t = plan->runs[0].topology;
	struct hop hops[PATH_MAX_HOPS];
	char buf[ADDRESS_TEXT_LEN];

	(void)state;
	assert_string_equal(address_format(buf, path_address(t, SERVER, HOST)), "10.0.2.3/24");
	assert_string_equal(address_format(buf, path_address(t, ROUTER, HOST)), "10.0.2.2/24");
	assert_null(path_address(t, HOST, SERVER));
	assert_int_equal(path_hops(t, HOST, SERVER, hops), 2);
	assert_int_equal(hops[0].to, NAT);
	assert_int_equal(hops[1].out, 1);
	assert_int_equal(hops[1].to, SERVER);
	assert_int_equal(hops[1].in, 1);
	assert_string_equal(topology_interface(t, SERVER, HOST)->name, "e1");
}

static void who_translates(void **state)
{
	cleanup_by(plan_freep) struct plan *plan = parse();
	const struct topology *t = plan->runs[0].topology;

	(void)state;
	assert_int_equal(path_translator(t, HOST, SERVER), NAT);
	/* What it sends itself has its address anyway. */
	assert_int_equal(path_translator(t, NAT, SERVER), SIZE_MAX);
	assert_int_equal(path_translator(t, SERVER, ROUTER), SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routers_are_counted),
		cmocka_unit_test(where_there_is_no_way),
		cmocka_unit_test(the_nearest_address_is_chosen),
		cmocka_unit_test(who_translates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
