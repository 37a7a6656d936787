#include "verify/judge.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "verify/book.h"
#include "verify/crossings.h"
#include "verify/engine.h"
#include "verify/raw.h"
#include "verify/trial.h"

char *judge_received_path(const char *folder, const char *node, const char *transfer)
{
	return text_format("%s/received/%s/%s", folder, node, transfer);
}

/* ---- the columns of the table ---- */

static void total(struct trial *t)
{
	struct run_verdict *v = t->verdict;
	uint64_t start = UINT64_MAX, end = 0;

	for (size_t i = 0; i < t->n_deliveries; i++) {
		const struct delivery *d = &t->deliveries[i];
		const struct file_verdict *f = d->verdict;

		v->files_whole += f->outcome == OUTCOME_PASS;
		v->bytes += f->outcome == OUTCOME_PASS ? f->size : 0;
		v->datagrams += f->datagrams.sent;
		v->repairs += f->datagrams.repairs;
		v->lost += f->datagrams.lost;
		if (f->time_ns == 0)
			continue;
		start = d->started_ns < start ? d->started_ns : start;
		end = d->ended_ns > end ? d->ended_ns : end;
	}
	v->time_ns = end > start ? end - start : 0;
}

/* Without a transfer it is what the programs that run to their end took, from the first to the last. */
static void time_programs(struct trial *t)
{
	const struct evidence *ev = t->evidence;
	uint64_t start = UINT64_MAX, end = 0;

	for (size_t i = 0; i < ev->n_programs && t->topology->n_transfers == 0; i++) {
		const struct program_evidence *p = &ev->programs[i];

		if (p->role != ROLE_SENDER || p->started_ns == 0 || p->ended_ns == 0)
			continue;
		start = p->started_ns < start ? p->started_ns : start;
		end = p->ended_ns > end ? p->ended_ns : end;
	}
	if (end > start)
		t->verdict->time_ns = end - start;
}

static const char *format_name(const struct transfer *tr)
{
	return tr->format == FORMAT_RAW ? "raw" : "reliable";
}

static void name_workload(struct trial *t)
{
	const struct topology *topology = t->topology;
	const char *mode = "-", *format = "-";

	for (size_t i = 0; i < topology->n_transfers; i++) {
		const struct transfer *tr = &topology->transfers[i];
		const char *its_mode = transfer_mode_names[tr->mode];

		mode = i == 0 || strcmp(mode, its_mode) == 0 ? its_mode : "mixed";
		format = i == 0 || strcmp(format, format_name(tr)) == 0 ? format_name(tr) : "mixed";
	}
	t->verdict->mode = text_dup(mode);
	t->verdict->format = text_dup(format);
}

void judge_run(const struct judge_input *in, struct run_verdict *verdict)
{
	cleanup_by(trial_donep) struct trial t;

	trial_init(&t, in, verdict);
	name_workload(&t);
	watch_captures(&t);
	captures_judge(&t);
	programs_judge(&t);
	faults_judge(&t);
	crossings_judge(t.crossings, &t);
	book_judge(t.book, &t);
	files_judge(&t);
	raw_add_notes(t.raw, &t);
	engine_add_notes(&t);
	metrics_judge(&t);
	expectations_judge(&t);
	total(&t);
	time_programs(&t);
	reasons_gather(&t);
}
