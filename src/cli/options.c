#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/filter.h"
#include "cli/cli.h"
#include "lab/netem.h"
#include "topology/netem_limits.h"

int options_read(int argc, char **argv, const struct command_line *line, void *options,
		 struct err *e)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, line->shorts, line->longs, NULL)) != -1) {
		if (c == '?')
			return err_usage(e,
					 "%s: '%s' is no option, or lacks its value; see 'harness "
					 "%s --help'",
					 argv[0], argv[optind - 1], argv[0]);
		if (c == 'h')
			return fputs(line->help, stdout) < 0 ? err_set(e, errno, "print") : 0;
		if (line->take(c, options, e) != 0)
			return -1;
	}
	return 1;
}

int options_operand(int argc, char **argv, const char *what, const char **ret_operand,
		    struct err *e)
{
	if (optind == argc)
		return err_usage(e, "%s: %s", argv[0], what);
	if (optind + 1 < argc)
		return err_usage(e, "%s: one at a time, and there is '%s', too", argv[0],
				 argv[optind + 1]);
	*ret_operand = argv[optind];
	return 1;
}

int options_number(const char *name, uint64_t least, uint64_t most, uint64_t *ret, struct err *e)
{
	char *end;

	errno = 0;
	*ret = strtoull(optarg, &end, 10);
	if (errno != 0 || end == optarg || *end != '\0' || optarg[0] < '0' || optarg[0] > '9' ||
	    *ret < least || *ret > most)
		return err_usage(e, "--%s takes a number from %llu to %llu, not '%s'", name,
				 (unsigned long long)least, (unsigned long long)most, optarg);
	return 0;
}

int options_engine(enum link_engine *ret_engine, bool *ret_given, struct err *e)
{
	bool given = strcmp(optarg, "auto") != 0;

	*ret_engine = ENGINE_USER;
	if (strcmp(optarg, "netem") == 0)
		*ret_engine = ENGINE_NETEM;
	else if (given && strcmp(optarg, "user") != 0)
		return err_usage(e, "--engine takes auto, user or netem, not '%s'", optarg);
	if (ret_given != NULL)
		*ret_given = given;
	return 0;
}

static void tell_problems(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		fprintf(stderr, "%s\n", p->messages[i]);
	problems_done(p);
}

int options_load(const char *path, struct plan **ret_plan)
{
	struct problems problems = { 0 };
	int r = plan_load(path, ret_plan, &problems);

	if (r == 0)
		r = packet_filter_check_plan(*ret_plan, &problems);
	tell_problems(&problems);
	return r;
}

int options_check_engine(enum link_engine engine, const struct plan *plan, struct err *e)
{
	struct problems problems = { 0 };
	size_t n_links = 0;
	struct err why;

	if (engine != ENGINE_NETEM)
		return 0;
	for (size_t i = 0; i < plan->n_runs; i++) {
		topology_check_netem(plan->runs[i].topology, &problems);
		n_links += topology_count_engines(plan->runs[i].topology);
	}

	int status = problems.n > 0 ? EXIT_USAGE : 0;

	tell_problems(&problems);
	if (status != 0 || n_links == 0 || netem_available(&why))
		return status;
	return err_set(e, 0, "%s; --engine user does without", why.msg);
}
