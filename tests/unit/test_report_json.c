/* Tests of src/report: report.json, and whether it keeps to its schema. */
#include "unit/report_session.h"

/* ---- JSON ---- */

static void json_holds_every_layer(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, "1.png");
	spoil(&s, 0);

	json_t *document = json_of(&s);
	const json_t *run = first_of(document, "runs");
	const json_t *receiver = json_object_get(first_of(run, "files"), "receiver");

	assert_string_equal(json_string_value(json_object_get(document, "schema")),
			    "harness-report/2");
	assert_int_equal(json_array_size(json_object_get(document, "runs")), 2);
	assert_json_int(document, "exit_status", 1);
	assert_json_int(document, "started_unix_ns", 1795247154000000000);
	assert_string_equal(json_string_value(json_object_get(run, "seed")),
			    "18446744073709551615");
	assert_string_equal(json_string_value(json_object_get(receiver, "outcome")), "fail");
	assert_json_int(receiver, "first_difference_byte", 3);
	assert_int_equal(json_array_size(json_object_get(receiver, "missing_byte_ranges")), 2);
	assert_json_int(first_of(receiver, "repeated_byte_ranges"), "last", 3);
	assert_json_int(first_of(json_object_get(run, "ledger"), "networks"), "sent", 9);
	assert_json_int(first_of(json_object_get(run, "ledger"), "nodes"), "delivered", 9);
	assert_json_int(json_object_get(run, "totals"), "goodput_bits_per_second", 56000);
	json_decref(document);
}

static void json_holds_links_and_faults(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");
	impair(&s.runs[0]);

	json_t *document = json_of(&s);
	const json_t *run = first_of(document, "runs");
	const json_t *links = json_object_get(json_object_get(run, "ledger"), "links");
	const json_t *link = json_array_get(links, 0);
	const json_t *fault = json_array_get(json_object_get(run, "faults"), 0);

	assert_int_equal(json_array_size(links), 2);
	assert_string_equal(json_string_value(json_object_get(link, "direction")), "out");
	assert_json_int(link, "lost", 361);
	assert_int_equal(json_array_size(json_object_get(link, "lost_by")), 2);
	assert_string_equal(json_string_value(json_object_get(first_of(link, "lost_by"), "rule")),
			    "loss 30%");
	assert_json_int(first_of(link, "lost_by"), "frames", 360);
	assert_json_int(link, "before", 1204);
	assert_true(json_is_null(json_object_get(json_array_get(links, 1), "before")));
	assert_json_int(fault, "fired_ns", 1000000000);
	assert_json_int(fault, "undone_ns", 1500000000);
	fault = json_array_get(json_object_get(run, "faults"), 1);
	assert_true(json_is_null(json_object_get(fault, "fired_ns")));
	assert_string_equal(json_string_value(json_object_get(run, "links_table")), "links.tsv");
	json_decref(document);
}

static void json_holds_expectations_and_metrics(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");
	expect_things(&s, 0);

	json_t *document = json_of(&s);
	const json_t *run = first_of(document, "runs");
	const json_t *metrics = json_object_get(run, "metrics");
	const json_t *x = json_array_get(json_object_get(run, "expectations"), 1);
	const json_t *c = first_of(x, "conditions");

	assert_int_equal(json_array_size(metrics), 2);
	assert_true(json_real_value(json_object_get(json_array_get(metrics, 0), "value")) > 94.2);
	assert_true(json_is_null(json_object_get(json_array_get(metrics, 1), "value")));
	assert_json_int(json_array_get(metrics, 0), "samples", 3);
	assert_string_equal(json_string_value(json_object_get(x, "outcome")), "fail");
	assert_string_equal(json_string_value(json_object_get(c, "expected")),
			    "'GET /' on 3 lines");
	assert_string_equal(json_string_value(json_object_get(c, "look")), "logs/web.log:5");
	json_decref(document);
}

static void json_survives_any_name(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, HOSTILE);

	json_t *document = json_of(&s);
	const json_t *file = first_of(first_of(document, "runs"), "files");

	/* As it is, but for the bytes that are not UTF-8. */
	assert_string_equal(json_string_value(json_object_get(file, "file")),
			    "-x\033[2J<&\">\n# SKIP \\ \\xff\\xc3 "
			    "\xe2\x80\xaegnp.\xef\xbf\xbf\x01\x7f\xc2\x9b");
	json_decref(document);
}

static int validate(const char *document)
{
	return python(
		"import json, sys\n"
		"try:\n"
		"    from jsonschema import Draft202012Validator as Validator\n"
		"except ImportError:\n"
		"    sys.exit(77)\n"
		"schema, document = (json.load(open(p, encoding='utf-8')) for p in sys.argv[1:])\n"
		"Validator.check_schema(schema)\n"
		"errors = list(Validator(schema).iter_errors(document))\n"
		"for error in errors[:5]:\n"
		"    print(error.json_path, error.message)\n"
		"sys.exit(1 if errors else 0)\n",
		document);
}

static void assert_valid(const struct session *s)
{
	cleanup_free char *report = render(report_json, s);

	assert_int_equal(validate(report), 0);
}

static void json_keeps_to_its_schema(void **state)
{
	cleanup_by(session_done) struct session passing, failing, empty, repeated;

	(void)state;
	session_fill(&passing, 3, "1.png");
	session_fill(&failing, 2, HOSTILE);
	spoil(&failing, 0);
	impair(&failing.runs[1]);
	session_fill(&empty, 0, "");

	cleanup_free char *report = render(report_json, &passing);
	int status = validate(report);

	if (status == 77)
		skip_because("python3 with jsonschema is not installed");
	assert_int_equal(status, 0);
	repeat_fill(&repeated);
	assert_valid(&repeated);
	assert_valid(&failing);
	assert_valid(&empty);
}

static void schema_is_strict(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");

	json_t *document = json_of(&s);
	json_t *run = json_array_get(json_object_get(document, "runs"), 0);

	assert_int_equal(json_object_del(run, "notes"), 0);

	cleanup_free char *less = json_dumps(document, 0);

	json_object_set_new(run, "notes", json_array());
	json_object_set_new(run, "surprise", json_true());

	cleanup_free char *more = json_dumps(document, 0);
	int status = validate(less);

	json_decref(document);
	if (status == 77)
		skip_because("python3 with jsonschema is not installed");
	assert_int_equal(status, 1);
	assert_int_equal(validate(more), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_holds_every_layer),
		cmocka_unit_test(json_holds_links_and_faults),
		cmocka_unit_test(json_holds_expectations_and_metrics),
		cmocka_unit_test(json_survives_any_name),
		cmocka_unit_test(json_keeps_to_its_schema),
		cmocka_unit_test(schema_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
