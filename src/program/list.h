/* list: a list of programs while it is put together. For program/. */
#ifndef HARNESS_PROGRAM_LIST_H
#define HARNESS_PROGRAM_LIST_H

#include "program/program.h"

struct program_list {
	struct programs programs;
	size_t room;
};

/*
 * A program at this node, its name and log made from that of its command and, unless NULL, the
 * name of the block it belongs to. The caller fills the rest.
 */
struct program *program_list_add(struct program_list *list, const struct topology *t, size_t node,
				 const char *command, const char *block);

/* transfer.c: receivers and sender of one transfer. */
int transfer_add_programs(struct program_list *list, const struct topology *t, size_t transfer,
			  const char *folder, uint64_t rate_bps, struct err *e);

#endif
