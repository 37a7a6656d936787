#include "cli/calibrate_report.h"

#include <inttypes.h>
#include <math.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "report/json_value.h"
#include "report/render.h"
#include "report/table.h"

#define SCHEMA "harness-calibration/1"

enum unit {
	UNIT_NS,
	UNIT_SHARE,
	UNIT_BPS,
	UNIT_BYTES,
};

static const enum unit units[N_PROPERTIES] = {
	[PROPERTY_DELAY] = UNIT_NS,	   [PROPERTY_DELAY_P99] = UNIT_NS,
	[PROPERTY_JITTER] = UNIT_NS,	   [PROPERTY_LOSS] = UNIT_SHARE,
	[PROPERTY_DUPLICATE] = UNIT_SHARE, [PROPERTY_REORDER] = UNIT_SHARE,
	[PROPERTY_CORRUPT] = UNIT_SHARE,   [PROPERTY_RATE] = UNIT_BPS,
	[PROPERTY_QUEUE] = UNIT_BYTES,
};

/* ---- the table ---- */

#define VALUE_LEN 24

static char *format(char buf[VALUE_LEN], enum property p, double x)
{
	double y = fmax(x, 0);

	switch (units[p]) {
	case UNIT_NS:
		if (y < 1e6)
			snprintf(buf, VALUE_LEN, "%.0f us", y / 1e3);
		else
			snprintf(buf, VALUE_LEN, "%.*f ms", y < 1e8 ? 3 : 1, y / 1e6);
		break;
	case UNIT_SHARE:
		snprintf(buf, VALUE_LEN, "%.3g%%", y * 100);
		break;
	case UNIT_BPS:
		snprintf(buf, VALUE_LEN, "%.4g Mbit/s", y / 1e6);
		break;
	case UNIT_BYTES:
		snprintf(buf, VALUE_LEN, "%.0f B", y);
		break;
	}
	return buf;
}

static const struct table_column columns[] = {
	{ "link", false, 0 }, { "", false, 0 },	       { "property", false, 0 },
	{ "asked", true, 0 }, { "measured", true, 0 }, { "from", true, 2 },
	{ "to", true, 2 },    { "packets", true, 1 },  { "verdict", false, 0 },
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const struct {
	const char *symbol;
	enum outcome look;
} looks[] = {
	[MATCH_OK] = { "✓", OUTCOME_PASS },
	[MATCH_OFF] = { "✗", OUTCOME_FAIL },
	[MATCH_NOT_ASKED] = { "-", OUTCOME_SKIP },
	[MATCH_UNKNOWN] = { "?", OUTCOME_INCONCLUSIVE },
};

static void add_row(struct table *t, const struct calibrated *c, const struct row *r)
{
	bool judged = r->match == MATCH_OK || r->match == MATCH_OFF;
	char buf[VALUE_LEN];

	table_add(t, NULL, "%s", c->link);
	table_add(t, NULL, "%s", direction_name(c->direction));
	table_add(t, NULL, "%s", property_names[r->property]);
	table_add(t, NULL, "%s",
		  r->match != MATCH_NOT_ASKED ? format(buf, r->property, r->asked) : "-");
	table_add(t, NULL, "%s",
		  r->match != MATCH_UNKNOWN && r->packets != 0
			  ? format(buf, r->property, r->measured)
			  : "-");
	table_add(t, NULL, "%s", judged ? format(buf, r->property, r->low) : "");
	table_add(t, NULL, "%s", judged ? format(buf, r->property, r->high) : "");
	table_add(t, NULL, "%" PRIu64, r->packets);
	table_add(t, render_color(looks[r->match].look), "%s %s", looks[r->match].symbol,
		  match_names[r->match]);
}

void calibrate_report_table(FILE *out, const struct calibration *all, bool color)
{
	cleanup_by(table_done) struct table t = { .columns = columns, .n_columns = N_COLUMNS };
	size_t n_off = 0, n_judged = 0;

	for (size_t i = 0; i < all->n; i++) {
		fprintf(out, "%s %s: %s; %s\n", all->c[i].link, direction_name(all->c[i].direction),
			all->c[i].asked,
			all->c[i].engine != NULL ? all->c[i].engine : "engine not known");
		for (int p = 0; p < N_PROPERTIES; p++) {
			const struct row *r = &all->c[i].rows.r[p];

			n_judged += r->match == MATCH_OK || r->match == MATCH_OFF;
			n_off += r->match == MATCH_OFF;
			/* Without a rate there is nothing to say of it. */
			if (r->match != MATCH_NOT_ASKED || r->packets != 0)
				add_row(&t, &all->c[i], r);
		}
	}
	fputc('\n', out);
	table_print(&t, out, "  ", 0, color);
	fprintf(out,
		"\nShares: what was asked lies between from and to, which together hold the truth "
		"in %.0f%% of\ncalibrations (Clopper-Pearson, each %.6g%%). Times, rate, queue: "
		"what was measured does.\n%zu of %zu figures are as asked\n",
		100 * CALIBRATION_CONFIDENCE, 100 * all->confidence, n_judged - n_off, n_judged);
}

/* ---- JSON ---- */

static json_t *real_of(bool known, double x)
{
	return known ? json_real(x) : json_null();
}

static json_t *property_of(const struct row *r)
{
	static const char *const unit_names[] = {
		[UNIT_NS] = "ns",
		[UNIT_SHARE] = "share",
		[UNIT_BPS] = "bit/s",
		[UNIT_BYTES] = "byte",
	};
	bool judged = r->match == MATCH_OK || r->match == MATCH_OFF;
	json_t *o = json_checked(json_object());

	json_set(o, "property", json_string(property_names[r->property]));
	json_set(o, "unit", json_string(unit_names[units[r->property]]));
	json_set(o, "asked", real_of(r->match != MATCH_NOT_ASKED, r->asked));
	json_set(o, "measured", real_of(r->match != MATCH_UNKNOWN && r->packets != 0, r->measured));
	json_set(o, "from", real_of(judged, r->low));
	json_set(o, "to", real_of(judged, r->high));
	json_set(o, "packets", json_count_of(r->packets));
	json_set(o, "verdict", json_string(match_names[r->match]));
	return o;
}

static json_t *stream_of(enum stream s, const struct stream_plan *p)
{
	static const char *const names[N_STREAMS] = {
		[STREAM_COUNTS] = "counts",
		[STREAM_TIMES] = "times",
		[STREAM_RATE] = "rate",
	};
	json_t *o = json_checked(json_object());

	json_set(o, "purpose", json_string(names[s]));
	json_set(o, "packets", json_count_of(p->count));
	json_set(o, "packets_per_second", json_count_of(p->pps));
	json_set(o, "frame_bytes", json_count_of(p->frame_len));
	return o;
}

static json_t *direction_of(const struct calibrated *c)
{
	json_t *o = json_checked(json_object());
	json_t *streams = json_checked(json_array());
	json_t *properties = json_checked(json_array());

	for (int s = 0; s < N_STREAMS; s++)
		if (c->plans[s].wanted)
			json_append(streams, stream_of((enum stream)s, &c->plans[s]));
	for (int p = 0; p < N_PROPERTIES; p++)
		json_append(properties, property_of(&c->rows.r[p]));
	json_set(o, "link", json_string_of(c->link));
	json_set(o, "direction", json_string(direction_name(c->direction)));
	json_set(o, "asked", json_string_of(c->asked));
	json_set(o, "engine", json_string_of(c->engine));
	json_set(o, "streams", streams);
	json_set(o, "properties", properties);
	return o;
}

int calibrate_report_json(FILE *out, const struct calibration *all, const struct topology *t,
			  struct err *e)
{
	json_t *o = json_checked(json_object());
	json_t *directions = json_checked(json_array());
	struct utsname uts;

	uname(&uts);

	cleanup_free char *kernel = text_format("%s %s %s", uts.sysname, uts.release, uts.machine);

	for (size_t i = 0; i < all->n; i++)
		json_append(directions, direction_of(&all->c[i]));
	json_set(o, "schema", json_string(SCHEMA));
	json_set(o, "topology", json_string_of(t->path));
	json_set(o, "harness_version", json_string(HARNESS_VERSION));
	json_set(o, "kernel", json_string_of(kernel));
	json_set(o, "confidence", json_real(CALIBRATION_CONFIDENCE));
	json_set(o, "interval_confidence", json_real(all->confidence));
	json_set(o, "verdict", json_string(match_names[all->off ? MATCH_OFF : MATCH_OK]));
	json_set(o, "directions", directions);
	return json_print(out, o, "the calibration", e);
}
