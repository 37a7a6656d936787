#include "run/program_faults.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/crew.h"

/* That of its block, or of its transfer at its node; every transfer has one at each of its nodes. */
static bool is_meant(const struct program_faults *f, const struct fault *fault, size_t program)
{
	const struct program_evidence *p = &f->evidence->programs[program];

	if (fault->command != NO_COMMAND)
		return f->crew->programs->p[program].command ==
		       &f->topology->commands[fault->command];
	return p->transfer == fault->transfer && p->node == fault->node;
}

static size_t find_program(const struct program_faults *f, const struct fault *fault)
{
	size_t i = 0;

	while (i < f->evidence->n_programs && !is_meant(f, fault, i))
		i++;
	return i;
}

static void start_again(struct program_faults *f, size_t program, struct fault_evidence *fe)
{
	struct err e;

	f->evidence->programs[program].restart = false;
	f->evidence->programs[program].restarts++;
	if (crew_start_one(f->crew, program, &e) != 0)
		snprintf(fe->error, sizeof(fe->error), "%.*s", (int)sizeof(fe->error) - 1, e.msg);
}

static void send_signal(struct fault_evidence *fe, const struct program_evidence *p, int signal)
{
	if (p->state == PROGRAM_RUNNING)
		kill(p->pid, signal);
	else
		snprintf(fe->error, sizeof(fe->error), "%.96s did not run", p->name);
}

static void do_to_program(struct program_faults *f, size_t number)
{
	const struct fault *fault = &f->topology->faults[number];
	struct fault_evidence *fe = &f->evidence->faults[number];
	size_t i = find_program(f, fault);
	struct program_evidence *p = &f->evidence->programs[i];

	switch (fault->action) {
	case FAULT_KILL:
		p->killed_by = number + 1;
		send_signal(fe, p, SIGKILL);
		break;
	case FAULT_PAUSE:
		send_signal(fe, p, SIGSTOP);
		break;
	case FAULT_CONTINUE:
		send_signal(fe, p, SIGCONT);
		break;
	case FAULT_RESTART:
		p->restart = true;
		if (p->state == PROGRAM_RUNNING)
			kill(p->pid, SIGKILL);
		else
			start_again(f, i, fe);
		break;
	default:
		break;
	}
}

void program_faults_ended(struct program_faults *f, size_t program)
{
	for (size_t i = 0; i < f->topology->n_faults; i++) {
		const struct fault *fault = &f->topology->faults[i];

		if (f->evidence->programs[program].restart && fault->action == FAULT_RESTART &&
		    find_program(f, fault) == program)
			start_again(f, program, &f->evidence->faults[i]);
	}
}

void program_faults_fire(struct program_faults *f, size_t fault)
{
	f->evidence->faults[fault].fired_ns = clock_ns();
	do_to_program(f, fault);
}

static uint64_t due(const struct program_faults *f, size_t i)
{
	const struct fault *fault = &f->topology->faults[i];
	const struct fault_evidence *fe = &f->evidence->faults[i];

	if (f->ready_ns == 0 || fault_is_of_link(fault))
		return UINT64_MAX;
	if (fe->fired_ns == 0)
		return fault->after == 0 ? f->ready_ns + fault->at_ns : UINT64_MAX;
	return fault->for_ns != 0 && fe->undone_ns == 0 ? fe->fired_ns + fault->for_ns : UINT64_MAX;
}

uint64_t program_faults_next(const struct program_faults *f)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < f->topology->n_faults; i++) {
		uint64_t at = due(f, i);

		next = at < next ? at : next;
	}
	return next;
}

/* Only a pause can be undone. */
static void undo(struct program_faults *f, size_t i)
{
	struct fault_evidence *fe = &f->evidence->faults[i];

	fe->undone_ns = clock_ns();
	send_signal(fe, &f->evidence->programs[find_program(f, &f->topology->faults[i])], SIGCONT);
}

void program_faults_act(struct program_faults *f, uint64_t now_ns)
{
	for (size_t i = 0; i < f->topology->n_faults; i++) {
		if (due(f, i) > now_ns)
			continue;
		if (f->evidence->faults[i].fired_ns == 0)
			program_faults_fire(f, i);
		else
			undo(f, i);
	}
}
