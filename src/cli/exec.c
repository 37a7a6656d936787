/* harness exec LAB NODE -- CMD, harness shell LAB NODE: working in a lab. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "live/request.h"
#include "live/visit.h"

static const char exec_help[] =
	"Usage: harness exec LAB NODE [--] COMMAND [ARGUMENT...]\n\n"
	"Runs a command in a node of a lab that 'harness up' started, with this terminal, input,\n"
	"output, environment and, where the node has it, current folder. HARNESS_LAB and\n"
	"HARNESS_NODE say where it is. It ends when the lab does, and when harness is killed.\n\n"
	"  -h, --help   this text\n\n"
	"Exit status: the command's; 128+n when signal n ended it; 126 it cannot be executed;\n"
	"127 there is no such program; 2 no such lab or node; 3 the lab cannot be entered.\n";

static const char shell_help[] =
	"Usage: harness shell LAB NODE\n\n"
	"Opens $SHELL (or /bin/sh) in a node of a lab that 'harness up' started. Its prompt "
	"begins\n"
	"with the node's name.\n\n"
	"  -h, --help   this text\n\n"
	"Exit status: the shell's; 2 no such lab or node; 3 the lab cannot be entered.\n";

/* As options_read(). */
static int parse(int argc, char **argv, const char *help, struct err *e)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	/* '+': the command's options are its own. */
	const struct command_line line = { help, "+h", longs, NULL };
	int r = options_read(argc, argv, &line, NULL, e);

	if (r != 1)
		return r;
	if (argc - optind < 1)
		return err_usage(e, "%s: in which lab? 'harness ps' lists them", argv[0]);
	if (argc - optind < 2)
		return err_usage(e, "%s: in which node? 'harness ps %s' lists them", argv[0],
				 argv[optind]);
	return 1;
}

static int visit(const struct visit *v, struct err *e)
{
	struct visit inside = *v;
	struct door door;
	int status;

	if (request_enter(v->lab, v->node, &door, e) != 0)
		return -1;
	inside.door = &door;

	int r = visit_run(&inside, &status, e);

	door_done(&door);
	if (r == 0 || status == 0)
		return r != 0 ? -1 : status;
	fprintf(stderr, "harness: %s\n", e->msg);
	return status;
}

int cli_exec(int argc, char **argv, struct err *e)
{
	int r = parse(argc, argv, exec_help, e);

	if (r != 1)
		return r;

	struct visit v = { .lab = argv[optind], .node = argv[optind + 1], .extra_fd = -1 };
	int at = optind + 2;

	at += at < argc && strcmp(argv[at], "--") == 0;
	if (at >= argc)
		return err_usage(
			e, "exec: which command? For example: harness exec %s %s -- ip address",
			v.lab, v.node);
	v.argv = argv + at;
	return visit(&v, e);
}

/* ---- a shell ---- */

/*
 * Bash reads its prompt from files of the user, which override the environment: so it gets one to
 * read after those, in memory.
 */
static int prompt_file(const char *prompt, int *ret_fd, struct err *e)
{
	cleanup_free char *text = text_format("[ -r ~/.bashrc ] && . ~/.bashrc\nPS1='%s'\n",
					      prompt);

	*ret_fd = memfd_create("bashrc", MFD_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, 0, "make a file in memory")
			   : fs_write_fd(*ret_fd, text, strlen(text), e);
}

int cli_shell(int argc, char **argv, struct err *e)
{
	int r = parse(argc, argv, shell_help, e);

	if (r != 1)
		return r;
	if (argc - optind > 2)
		return err_usage(e, "shell: takes no command; 'harness exec %s %s -- %s' does",
				 argv[optind], argv[optind + 1], argv[optind + 2]);

	const char *env = getenv("SHELL");
	cleanup_free char *shell = text_dup(env != NULL && *env != '\0' ? env : "/bin/sh");
	bool is_bash = strcmp(fs_basename(shell), "bash") == 0;
	cleanup_free char *prompt = text_format(is_bash ? "%s:\\w\\$ " : "%s$ ", argv[optind + 1]);
	cleanup_close int file = -1;

	/* Those that read no prompt from files of their own, or leave it alone there. */
	if (setenv("PS1", prompt, 1) != 0 || (is_bash && prompt_file(prompt, &file, e) != 0))
		return -1;

	cleanup_free char *path = text_format("/proc/self/fd/%d", file);
	char rcfile[] = "--rcfile", interactive[] = "-i";
	char *const bash[] = { shell, rcfile, path, interactive, NULL };
	char *const other[] = { shell, interactive, NULL };
	struct visit v = {
		.lab = argv[optind],
		.node = argv[optind + 1],
		.argv = is_bash ? bash : other,
		.foreground = isatty(STDIN_FILENO) == 1,
		.extra_fd = file,
	};

	return visit(&v, e);
}
