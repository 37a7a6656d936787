/* programs: how each program ended, and whether that was how it should. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/signals.h"
#include "topology/units.h"
#include "verify/expect.h"
#include "verify/log_tail.h"
#include "verify/trial.h"

/* Programs that one note names. */
#define MAX_NAMES 8

static bool killed_by_fault(const struct program_evidence *p)
{
	return p->killed_by != 0 && p->state == PROGRAM_KILLED && p->status == SIGKILL;
}

static char *end_text(const struct topology *t, const struct program_evidence *p)
{
	char buf[16];

	if (killed_by_fault(p))
		return text_format("killed by fault %s", t->faults[p->killed_by - 1].name);
	switch (p->state) {
	case PROGRAM_NEW:
		return text_dup("never started");
	case PROGRAM_RUNNING:
		return text_dup("still running when last seen");
	case PROGRAM_EXITED:
		return text_format("exited %d", p->status);
	case PROGRAM_KILLED:
		return text_format("killed by %s%s", signal_name(p->status, buf),
				   p->out_of_memory ? " at its limit of memory" : "");
	}
	return NULL;
}

static char *how_it_ended(const struct topology *t, const struct program_evidence *p)
{
	char *end = end_text(t, p);

	if (p->restarts == 0)
		return end;

	char *all = text_format("%s, after %u restart%s", end, p->restarts,
				p->restarts == 1 ? "" : "s");

	free(end);
	return all;
}

static void fail(struct program_verdict *v, char *reason)
{
	v->outcome = OUTCOME_FAIL;
	v->reason = reason;
}

/* What became of the server that it was not started without. */
static const char *absence_text(const struct trial *t, const struct program_evidence *p)
{
	return t->evidence->programs[p->missed - 1].ready_ns != 0 ? "had ended" : "was never ready";
}

static void judge_start(const struct trial *t, const struct program_evidence *p,
			struct program_verdict *v)
{
	if (p->error[0] != '\0') {
		fail(v, text_format("never started: %s", p->error));
		return;
	}
	if (p->missed != 0) {
		fail(v, text_format("not started: %s %s", t->evidence->programs[p->missed - 1].name,
				    absence_text(t, p)));
		return;
	}
	v->outcome = OUTCOME_SKIP;
	v->reason = text_format("never started: the run ended before%s",
				t->cut_short ? "" : " it was its turn");
}

/* The run ended early, and not because of it: what it had not finished is no fault of its. */
static bool stopped_early(const struct trial *t, const struct program_evidence *p)
{
	return t->cut_short && p->told_to_stop && !p->ignored_stop &&
	       (p->role == ROLE_SENDER || (p->state == PROGRAM_EXITED && p->status != 0));
}

/* Its own, of its block, or that of the run. */
static char *deadline_text(const struct trial *t, const struct command *own)
{
	char buf[16];

	return text_format(
		"still running when %s deadline of %s passed", own != NULL ? "its" : "the",
		text_duration(buf, own != NULL ? own->deadline_ns : t->topology->deadline_ns));
}

static char *left_behind_text(const struct program_evidence *p, bool to_background)
{
	return text_format("%s %u process%s running%s%s%s",
			   to_background ? "went to the background: left" : "left", p->left_behind,
			   p->left_behind == 1 ? "" : "es", p->left_name[0] != '\0' ? " (" : "",
			   p->left_name, p->left_name[0] != '\0' ? ")" : "");
}

/* Of a stranger's server it may be right, if the user says so: iperf3 --one-off, nc -l. */
static char *early_end_text(const struct program_evidence *p, const struct command *c)
{
	if (c != NULL && !p->ready)
		return text_format("exited %d before it was ready", p->status);
	if (c != NULL && p->status == 0)
		return text_format("exited 0 before it was told to stop (if it should, say so: "
				   "ends = yes)");
	return text_format("exited %d before it was told to stop", p->status);
}

/* It ended by itself: right for a sender, wrong for a receiver, unless it is to end. */
static void judge_own_end(const struct program_evidence *p, const struct command *c,
			  struct program_verdict *v)
{
	char buf[16];

	if (p->state == PROGRAM_KILLED)
		fail(v,
		     text_format("killed by %s while it was needed", signal_name(p->status, buf)));
	else if (p->left_behind != 0)
		fail(v, left_behind_text(p, true));
	else if (p->role == ROLE_RECEIVER && (c == NULL || !c->ends || !p->ready))
		fail(v, early_end_text(p, c));
	else if (p->status != 0)
		fail(v, text_format("exited %d", p->status));
}

/* Servers of strangers answer SIGTERM with all kinds of exit status: iperf3's is 1. */
static void judge_told_end(const struct program_evidence *p, const struct command *c,
			   struct program_verdict *v)
{
	int stop_signal = c != NULL ? c->stop_signal : SIGTERM;
	char buf[16];

	if (p->ignored_stop)
		fail(v, text_format("ignored %s and had to be killed by SIGKILL",
				    signal_name(stop_signal, buf)));
	else if (p->state == PROGRAM_KILLED && p->status != stop_signal)
		fail(v, text_format("killed by %s when it was told to stop",
				    signal_name(p->status, buf)));
	else if (p->state == PROGRAM_EXITED && p->status != 0 && p->transfer != NO_TRANSFER)
		fail(v, text_format("exited %d when it was told to stop", p->status));
	else if (p->left_behind != 0)
		fail(v, left_behind_text(p, false));
}

static bool sender_failed(const struct trial *t, size_t transfer)
{
	for (size_t i = 0; i < t->evidence->n_programs; i++) {
		const struct program_evidence *p = &t->evidence->programs[i];

		if (p->role == ROLE_SENDER && p->transfer == transfer)
			return p->past_deadline || p->state != PROGRAM_EXITED || p->status != 0;
	}
	return false;
}

/*
 * The supervisor waits until receivers have read what came; then it looks at their sockets.
 * When all was confirmed before, the rest did not matter.
 */
static bool stopped_reading(const struct trial *t, const struct program_evidence *p,
			    const struct socket_evidence *s)
{
	return p->role == ROLE_RECEIVER && p->transfer != NO_TRANSFER && p->told_to_stop &&
	       !t->cut_short && s->queued > 0 && sender_failed(t, p->transfer);
}

/* The block that it comes from; the programs of transfers come first and have none. */
static const struct command *command_of(const struct trial *t, size_t program)
{
	const struct evidence *ev = t->evidence;
	size_t first = 0;

	while (first < ev->n_programs && ev->programs[first].transfer != NO_TRANSFER)
		first++;
	return program >= first ? &t->topology->commands[program - first] : NULL;
}

static char *out_of_memory_text(const struct command *c)
{
	char buf[UNIT_TEXT_LEN];

	return text_format("killed by the kernel: it used more than its %s of memory",
			   unit_format_size(buf, c->memory));
}

/* All else is as it should be; but that says nothing of how it does within its limits. */
static void judge_limits(const struct program_evidence *p, const struct command *c,
			 struct program_verdict *v)
{
	if (p->unlimited[0] == '\0' || v->outcome > OUTCOME_SKIP || p->state == PROGRAM_NEW)
		return;
	v->outcome = OUTCOME_INCONCLUSIVE;
	v->reason = text_format("its %s could not be limited: %s",
				c->memory == 0 ? "processors"
				: c->cpus > 0  ? "processors and memory"
					       : "memory",
				p->unlimited);
}

static void judge_program(const struct trial *t, size_t program, struct program_verdict *v)
{
	const struct program_evidence *p = &t->evidence->programs[program];
	const struct socket_evidence *socket = &t->evidence->sockets[program];
	const struct command *c = command_of(t, program);

	if (p->state == PROGRAM_NEW) {
		judge_start(t, p, v);
	} else if (p->out_of_memory && !expect_names_exit(t, p)) {
		fail(v, out_of_memory_text(c));
	} else if (p->error[0] != '\0') {
		fail(v, text_dup(p->error));
	} else if (p->state == PROGRAM_RUNNING) {
		v->outcome = OUTCOME_INCONCLUSIVE;
		v->reason = text_dup("its end was not seen");
	} else if (killed_by_fault(p)) {
		/* As it was asked to be: what follows from that is for others to say. */
		return;
	} else if (p->past_own_deadline) {
		fail(v, deadline_text(t, c));
	} else if (p->past_deadline) {
		fail(v, deadline_text(t, NULL));
	} else if (stopped_early(t, p)) {
		v->outcome = OUTCOME_INCONCLUSIVE;
		v->reason = text_dup("was told to stop before it was done");
	} else if (stopped_reading(t, p, socket)) {
		fail(v, text_format("hangs: it left %llu bytes unread in its receive buffer",
				    (unsigned long long)socket->queued));
	} else if (expect_names_exit(t, p)) {
		if (p->left_behind != 0)
			fail(v, left_behind_text(p, !p->told_to_stop));
	} else if (p->told_to_stop) {
		judge_told_end(p, c, v);
	} else {
		judge_own_end(p, c, v);
	}
}

/* Not wrong by itself: only who wrote the topology knows what a server has to take. */
static void note_untaken(const struct trial *t, size_t program)
{
	const struct program_evidence *p = &t->evidence->programs[program];
	const struct socket_evidence *s = &t->evidence->sockets[program];
	struct text note = { 0 };

	if (!p->told_to_stop || s->unread + s->unaccepted == 0)
		return;
	text_add(&note, "%s: when it was told to stop ", p->name);
	if (s->unread != 0)
		text_add(&note,
			 "it had not read %" PRIu64 " byte%s that came by TCP, from %" PRIu64
			 " connection%s",
			 s->unread, s->unread == 1 ? "" : "s", s->unread_from,
			 s->unread_from == 1 ? "" : "s");
	if (s->unaccepted != 0)
		text_add(&note, "%s %" PRIu64 " connection%s",
			 s->unread != 0 ? ", and not accepted" : "it had not accepted",
			 s->unaccepted, s->unaccepted == 1 ? "" : "s");
	run_verdict_note(t->verdict, text_take(&note));
}

/*
 * A server failed, and that is what is wrong with the run: those that were not started without it
 * are named in one note. When its end was expected, not starting them is wrong by itself.
 */
static void excuse_missing(const struct trial *t, size_t server)
{
	struct program_verdict *programs = t->verdict->programs;
	struct text names = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < t->evidence->n_programs; i++) {
		if (t->evidence->programs[i].missed != server + 1)
			continue;
		programs[i].outcome = OUTCOME_SKIP;
		if (n++ < MAX_NAMES)
			text_add(&names, "%s%s", n != 1 ? ", " : "", programs[i].name);
	}
	if (n > MAX_NAMES)
		text_add(&names, " and %zu more", n - MAX_NAMES);
	if (n != 0)
		run_verdict_note(t->verdict, text_format("not started without %s: %s",
							 programs[server].name, text_str(&names)));
	text_done(&names);
}

void programs_judge(struct trial *t)
{
	const struct evidence *ev = t->evidence;

	for (size_t i = 0; i < ev->n_programs; i++) {
		const struct program_evidence *p = &ev->programs[i];
		struct program_verdict *v = &t->verdict->programs[i];

		v->name = text_dup(p->name);
		v->node = text_dup(t->topology->nodes[p->node].name);
		v->log = text_dup(p->log);
		v->ended = how_it_ended(t->topology, p);
		if (p->started_ns != 0 && p->ended_ns > p->started_ns)
			v->time_ns = p->ended_ns - p->started_ns;
		judge_program(t, i, v);
		note_untaken(t, i);
		judge_limits(p, command_of(t, i), v);
		if (v->outcome == OUTCOME_FAIL)
			v->output = log_tail(t, p->log);
	}
	for (size_t i = 0; i < ev->n_programs; i++)
		if (t->verdict->programs[i].outcome == OUTCOME_FAIL)
			excuse_missing(t, i);
}
