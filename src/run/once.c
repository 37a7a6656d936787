#include "run/once.h"

#include "base/cleanup.h"
#include "base/text.h"

static void ignore_stage(void *arg, const char *stage)
{
	(void)arg;
	(void)stage;
}

int run_once(struct topology *t, enum link_engine engine, const char *folder, const char *comment,
	     struct run_verdict *ret_verdict, struct err *e)
{
	cleanup_by(run_freep) struct run *run = NULL;
	char label[] = "run";
	const struct planned_run planned = { .label = label, .topology = t };
	const struct run_request request = {
		.planned = &planned,
		.folder = text_dup(folder),
		.comment = text_dup(comment),
		.engine = engine,
		.stage_began = ignore_stage,
	};

	if (run_start(&request, &run, e) != 0 || run_await(run, e) != 0 || run_perform(run, e) != 0)
		return -1;
	*ret_verdict = (struct run_verdict){ .seed = t->seed };
	run_judge(run, ret_verdict);
	run_release(run);
	return 0;
}
