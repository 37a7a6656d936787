/* Tests of src/report: JUnit and TAP, and disks that are full. */
#include "unit/report_session.h"

/* ---- JUnit ---- */

static void junit_counts_what_it_holds(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, "1.png");
	spoil(&s, 0);
	s.runs[1].outcome = s.runs[1].captures[0].outcome = OUTCOME_INCONCLUSIVE;
	s.n_planned = 3;

	cleanup_free char *report = render(report_junit, &s);

	/* Per run 2 files x 4 layers, 2 programs, 1 capture, ledger, verdict; and the session. */
	assert_int_equal(count(report, "<testcase "), 2 * 13 + 1);
	assert_contains(report,
			"<testsuites name=\"3alpine\" tests=\"27\" failures=\"3\" errors=\"3\" "
			"skipped=\"4\" time=\"0.240000\">");
	assert_int_equal(count(report, "<failure "), 3);
	assert_int_equal(count(report, "<error "), 3);
	assert_int_equal(count(report, "<skipped "), 4);
	assert_contains(report, "name=\"multi-process.alpine-2.1.png.receiver\"");
	assert_contains(report, "<property name=\"seed\" value=\"18446744073709551615\"/>");
	assert_int_equal(count(report, "<testsuite "), 3);
}

static void expectations_are_checks(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");
	expect_things(&s, 0);

	cleanup_free char *junit = render(report_junit, &s);
	cleanup_free char *tap = render(report_tap, &s);

	assert_contains(junit, "name=\"multi-process.alpine-1.page-0.expect\" time=\"0.000000\"/>");
	assert_contains(junit, "name=\"multi-process.run.page-2.expect\"");
	assert_contains(junit, "name=\"multi-process.alpine-1.rate.metric\"");
	assert_contains(junit, "expected: 'GET /' on 3 lines\nfound: on 2 lines of 7\n");
	assert_contains(junit, "look: logs/web.log:5\n");
	assert_contains(tap, "multi-process.alpine-1.page-1.expect\n  ---\n  outcome: fail\n");
	assert_contains(tap, "    - \"look: logs/web.log:5\"\n");
	assert_harmless(junit);
	assert_harmless(tap);
}

static void junit_is_xml_whatever_the_names(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, HOSTILE);
	spoil(&s, 0);

	cleanup_free char *report = render(report_junit, &s);

	assert_harmless(report);
	assert_null(strstr(report, "]]>"));

	int status = python("import sys, xml.etree.ElementTree as tree\n"
			    "cases = list(tree.parse(sys.argv[2]).getroot().iter('testcase'))\n"
			    "names = {case.get('name') for case in cases}\n"
			    "sys.exit(0 if len(names) == len(cases) == 26 else 1)\n",
			    report);

	if (status == 77)
		skip_because("python3 is not installed");
	assert_int_equal(status, 0);
}

static void names_stay_unique(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");

	struct run_verdict *r = &s.runs[0];

	/* The same file to the same node by another transfer, with another receiver. */
	free(r->files[1].node);
	r->files[1].node = text_dup("alpine-2");
	free(r->files[1].transfer);
	r->files[1].transfer = text_dup("again");
	free(r->programs[0].name);
	free(r->programs[0].node);
	r->programs[0].name = text_dup(r->programs[1].name);
	r->programs[0].node = text_dup(r->programs[1].node);

	cleanup_free char *report = render(report_junit, &s);

	assert_contains(report, "multi-process.alpine-2.pictures/1.png.receiver");
	assert_contains(report, "multi-process.alpine-2.again/1.png.receiver");
	assert_contains(report, "multi-process.alpine-2.udp-recv.exit");
	assert_contains(report, "multi-process.alpine-2.udp-recv#2.exit");
}

/* ---- TAP ---- */

static void tap_numbers_every_check(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, HOSTILE);
	spoil(&s, 0);

	cleanup_free char *report = render(report_tap, &s);

	assert_harmless(report);
	assert_int_equal(strncmp(report, "TAP version 13\n1..26\n", 21), 0);
	assert_int_equal(count(report, "\nok "), 23);
	assert_int_equal(count(report, "\nnot ok "), 3);
	assert_int_equal(count(report, "\n  ---\n"), 3);
	assert_int_equal(count(report, "\n  ...\n"), 3);
	/* Only the pictures are skipped, whatever a file name says. */
	assert_int_equal(count(report, " # SKIP "), 4);
	assert_contains(report, "\\# SKIP");
	assert_contains(report, "\nok 26 - multi-thread.run.verdict");
	assert_contains(report, "    - \"evidence: captures/3alpine/20261121-074554/mode=");
}

/* ---- a full disk ---- */

static void reports_that_cannot_be_written_say_so(void **state)
{
	static renderer *const renderers[] = { report_json, report_junit, report_tap };
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");
	for (size_t i = 0; i < 3; i++) {
		struct err e = { 0 };
		cleanup_fclose FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		assert_int_equal(renderers[i](full, &s, &e), -1);
		assert_contains(e.msg, "No space left on device");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(junit_counts_what_it_holds),
		cmocka_unit_test(expectations_are_checks),
		cmocka_unit_test(junit_is_xml_whatever_the_names),
		cmocka_unit_test(names_stay_unique),
		cmocka_unit_test(tap_numbers_every_check),
		cmocka_unit_test(reports_that_cannot_be_written_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
