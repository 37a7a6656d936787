/* schedule: which program is ready, and whose turn it is. A part of crew.h. */
#include <netinet/in.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "run/crew.h"

/* Of the receivers of transfers. */
#define READY_WITHIN_NS (10 * NS_PER_SEC)
/* sock_diag(7) announces no binds, so look again, soon at first. */
#define FIRST_PAUSE_NS (200 * NS_PER_US)
#define PAUSE_NS       (5 * NS_PER_MS)

/* ---- readiness ---- */

/* Whether the program has all its ports. */
static int look_for_ports(struct crew *c, size_t i, bool *ret_found, struct err *e)
{
	const struct program *p = &c->programs->p[i];

	*ret_found = true;
	for (size_t k = 0; k < p->n_listens && *ret_found; k++) {
		struct socket_evidence socket;

		if (lab_find_socket(c->lab, p->node, &p->listens[k], &socket, e) != 0)
			return -1;
		*ret_found = socket.seen;
	}
	return 0;
}

static bool has_spoken(const struct crew *c, size_t i)
{
	const struct command *command = c->programs->p[i].command;
	const unsigned *lines = &c->evidence->programs[i].ready_lines;

	return command == NULL || command->ready_output == NULL ||
	       __atomic_load_n(lines, __ATOMIC_ACQUIRE) != c->members[i].ready_lines;
}

static uint64_t ready_within(const struct crew *c, size_t i)
{
	const struct command *command = c->programs->p[i].command;

	return command != NULL ? command->ready_within_ns : READY_WITHIN_NS;
}

/* Who comes after one that was skipped misses the same server. */
static void skip(struct crew *c, size_t i, size_t because)
{
	struct program_evidence *programs = c->evidence->programs;

	c->members[i].skipped = true;
	programs[i].missed = programs[because].missed != 0 ? programs[because].missed : because + 1;
}

/* What has not begun does not begin any more. */
static void give_up(struct crew *c, size_t because)
{
	c->gave_up = true;
	for (size_t i = 0; i < c->evidence->n_programs; i++)
		if (c->evidence->programs[i].state == PROGRAM_NEW && !c->members[i].skipped)
			skip(c, i, because);
}

/* "it did not bind TCP port 80", "it did not write what matches 'listening'" */
static void blame_unready(struct crew *c, size_t i)
{
	struct program_evidence *p = &c->evidence->programs[i];
	const struct program *program = &c->programs->p[i];
	cleanup_by(text_done) struct text lacks = { 0 };
	char within[16];

	for (size_t k = 0; k < program->n_listens; k++)
		text_add(&lacks, "%s%s port %u", k == 0 ? "it did not bind " : ", ",
			 program->listens[k].protocol == IPPROTO_TCP ? "TCP" : "UDP",
			 program->listens[k].port);
	if (!has_spoken(c, i))
		text_add(&lacks, "%sit wrote no line that matches '%s'",
			 lacks.len != 0 ? ", or " : "", program->command->ready_output);
	snprintf(p->error, sizeof(p->error), "not ready within %s: %.200s",
		 text_duration(within, ready_within(c, i)), text_str(&lacks));
	give_up(c, i);
}

static bool is_awaited(const struct crew *c, size_t i)
{
	const struct program_evidence *p = &c->evidence->programs[i];

	return p->role == ROLE_RECEIVER && !p->ready && p->state == PROGRAM_RUNNING &&
	       !p->told_to_stop;
}

static int check_ready(struct crew *c, struct err *e)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];
		bool ports;

		if (!is_awaited(c, i))
			continue;
		if (look_for_ports(c, i, &ports, e) != 0)
			return -1;
		p->ready = ports && has_spoken(c, i);
		if (p->ready)
			p->ready_ns = clock_ns();
		else if (clock_ns() >= p->started_ns + ready_within(c, i))
			blame_unready(c, i);
	}
	return 0;
}

/* ---- whose turn it is ---- */

static bool has_ended(const struct crew *c, size_t i)
{
	const struct program_evidence *p = &c->evidence->programs[i];

	return c->members[i].skipped || p->error[0] != '\0' ||
	       ((p->state == PROGRAM_EXITED || p->state == PROGRAM_KILLED) && !p->restart &&
		c->members[i].restart_ns == 0);
}

/*
 * A server that ended, and not because somebody wanted it to: its run has failed, and clients would
 * only add to that what follows from it.
 */
static bool has_died(const struct crew *c, size_t i)
{
	const struct program_evidence *p = &c->evidence->programs[i];
	const struct command *command = c->programs->p[i].command;

	if (p->role != ROLE_RECEIVER || !has_ended(c, i) || c->members[i].skipped ||
	    p->killed_by != 0)
		return false;
	if (command == NULL)
		return true;
	return !topology_expects_exit(c->topology, (size_t)(command - c->topology->commands)) &&
	       !(command->ends && p->ready && p->state == PROGRAM_EXITED && p->status == 0);
}

/* Whether this program is what the dependency names, and what has to end or be ready. */
static bool is_meant(const struct crew *c, const struct dependency *d, size_t i)
{
	if (d->transfer)
		return c->evidence->programs[i].transfer == d->index &&
		       c->evidence->programs[i].role == ROLE_SENDER;
	return c->programs->p[i].command == &c->topology->commands[d->index];
}

enum turn { TURN_NOW, TURN_LATER, TURN_NEVER };

static enum turn turn_after(const struct crew *c, size_t i)
{
	const struct program_evidence *p = &c->evidence->programs[i];

	if (c->members[i].skipped)
		return TURN_NEVER;
	if (p->role == ROLE_SENDER)
		return has_ended(c, i) ? TURN_NOW : TURN_LATER;
	if (has_died(c, i))
		return TURN_NEVER;
	if (p->ready_ns != 0)
		return TURN_NOW;
	return has_ended(c, i) ? TURN_NEVER : TURN_LATER;
}

/* Of those that it comes after, *ret_because is the one to blame for TURN_NEVER. */
static enum turn find_turn(const struct crew *c, size_t program, size_t *ret_because)
{
	const struct command *command = c->programs->p[program].command;
	enum turn turn = TURN_NOW;

	for (size_t k = 0; command != NULL && k < command->n_after; k++)
		for (size_t i = 0; i < c->programs->n; i++) {
			enum turn after = TURN_NOW;

			if (is_meant(c, &command->after[k], i))
				after = turn_after(c, i);
			if (after > turn) {
				turn = after;
				*ret_because = i;
			}
		}
	return turn;
}

/* All but servers wait for the first servers, which begin() tells of. */
static int start_if_due(struct crew *c, size_t i, struct err *e)
{
	const struct program_evidence *p = &c->evidence->programs[i];
	size_t because = 0;
	enum turn turn;

	if (p->state != PROGRAM_NEW || c->members[i].skipped ||
	    (p->role == ROLE_SENDER && !c->begun))
		return 0;
	turn = find_turn(c, i, &because);
	if (turn == TURN_NEVER)
		skip(c, i, because);
	return turn == TURN_NOW ? crew_start_one(c, i, e) : 0;
}

static int start_again_if_due(struct crew *c, size_t i, struct err *e)
{
	uint64_t due = c->members[i].restart_ns;

	if (due == 0 || due > clock_ns())
		return 0;
	c->evidence->programs[i].restarts++;
	return crew_start_one(c, i, e);
}

static uint64_t own_deadline(const struct crew *c, size_t i)
{
	const struct program_evidence *p = &c->evidence->programs[i];
	const struct command *command = c->programs->p[i].command;

	if (command == NULL || command->deadline_ns == 0 || p->state != PROGRAM_RUNNING ||
	    p->told_to_stop)
		return UINT64_MAX;
	return p->started_ns + command->deadline_ns;
}

static void check_deadline(struct crew *c, size_t i)
{
	if (own_deadline(c, i) > clock_ns())
		return;
	c->evidence->programs[i].past_own_deadline = true;
	crew_stop_one(c, i);
}

/* A server that waits, however indirectly, for the end of something is not one of the first. */
static bool is_first(const struct crew *c, const struct command *command)
{
	for (size_t i = 0; command != NULL && i < command->n_after; i++) {
		const struct dependency *d = &command->after[i];

		if (d->transfer || !command_is_server(&c->topology->commands[d->index]) ||
		    !is_first(c, &c->topology->commands[d->index]))
			return false;
	}
	return true;
}

/* Whoever names no server waits for all of the first ones. */
static void give_up_if_dead(struct crew *c)
{
	for (size_t i = 0; i < c->evidence->n_programs && !c->begun && !c->gave_up; i++)
		if (has_died(c, i) && is_first(c, c->programs->p[i].command))
			give_up(c, i);
}

int crew_act(struct crew *c, struct err *e)
{
	if (check_ready(c, e) != 0)
		return -1;
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		check_deadline(c, i);
		if (start_if_due(c, i, e) != 0 || start_again_if_due(c, i, e) != 0)
			return -1;
	}
	give_up_if_dead(c);
	crew_kill_late(c);
	return 0;
}

uint64_t crew_next(struct crew *c)
{
	uint64_t next = crew_kill_late(c);
	bool awaited = false;

	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		uint64_t restart = c->members[i].restart_ns;

		next = clock_earlier(next, own_deadline(c, i));
		next = clock_earlier(next, restart != 0 ? restart : UINT64_MAX);
		awaited |= is_awaited(c, i);
	}
	c->pause_ns = awaited && c->pause_ns != 0 ? clock_earlier(c->pause_ns * 2, PAUSE_NS)
						  : FIRST_PAUSE_NS;
	return awaited ? clock_earlier(next, clock_ns() + c->pause_ns) : next;
}

/* ---- how far it is ---- */

bool crew_is_ready(const struct crew *c)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		const struct program_evidence *p = &c->evidence->programs[i];

		if (p->role == ROLE_RECEIVER && !p->ready && !has_ended(c, i) &&
		    is_first(c, c->programs->p[i].command))
			return false;
	}
	return true;
}

bool crew_waits_for(const struct crew *c, size_t i)
{
	const struct command *command = c->programs->p[i].command;

	return c->evidence->programs[i].role == ROLE_SENDER || (command != NULL && command->ends);
}

bool crew_is_done(const struct crew *c)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++)
		if (crew_waits_for(c, i) && !has_ended(c, i))
			return false;
	return true;
}
