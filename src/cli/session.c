#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "report/report.h"
#include "run/run.h"

/* ---- names and places ---- */

void session_add_quoted(struct text *t, const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789%+,-./:=@_";

	if (*word != '\0' && word[strspn(word, safe)] == '\0') {
		text_add(t, "%s", word);
		return;
	}
	text_add(t, "'");
	for (; *word != '\0'; word++)
		text_add(t, *word == '\'' ? "'\\''" : "%c", *word);
	text_add(t, "'");
}

const char *session_sudo(void)
{
	return geteuid() == 0 && getenv("SUDO_UID") != NULL ? "sudo " : "";
}

/* What was typed; argv[0] is "run". */
static char *command_line(int argc, char **argv)
{
	struct text t = { 0 };

	text_add(&t, "%s./harness", session_sudo());
	for (int i = 0; i < argc; i++) {
		text_add(&t, " ");
		session_add_quoted(&t, argv[i]);
	}
	return text_take(&t);
}

/* CAPTURES/TOPOLOGY/TIME, which nobody else has: a second session in one second gets "-2". */
static int make_folder(const char *captures, const char *topology, const char *time,
		       char **ret_folder, struct err *e)
{
	cleanup_free char *parent = text_format("%s/%s", captures, topology);
	cleanup_free char *folder = text_format("%s/%s", parent, time);

	if (fs_mkdir_all(parent, e) != 0)
		return err_prefix(e, "no place for the evidence (--captures FOLDER names another)");
	for (int n = 2; mkdir(folder, 0755) != 0; n++) {
		if (errno != EEXIST)
			return err_set(
				e, errno,
				"no place for the evidence (--captures FOLDER names another): "
				"create folder %s",
				folder);
		free(folder);
		folder = text_format("%s/%s-%d", parent, time, n);
	}
	*ret_folder = take_ptr(folder);
	return 0;
}

int session_begin(struct session *s, const struct plan *plan, const struct run_options *o, int argc,
		  char **argv, struct err *e)
{
	const struct topology *t = plan->runs[0].topology;
	time_t now = time(NULL);
	struct utsname uts;
	struct tm tm;
	char folder_time[32], rfc3339[32];

	localtime_r(&now, &tm);
	strftime(folder_time, sizeof(folder_time), "%Y%m%d-%H%M%S", &tm);
	strftime(rfc3339, sizeof(rfc3339), "%Y-%m-%dT%H:%M:%S%z", &tm);
	/* RFC 3339 wants a colon in the offset. */
	memmove(rfc3339 + 23, rfc3339 + 22, 3);
	rfc3339[22] = ':';
	if (make_folder(o->captures, t->name, folder_time, &s->folder, e) != 0)
		return -1;
	uname(&uts);
	s->topology = text_dup(t->name);
	s->path = text_dup(t->path);
	s->title = t->title != NULL ? text_dup(t->title) : NULL;
	s->command = command_line(argc, argv);
	s->version = text_dup(HARNESS_VERSION);
	s->kernel = text_format("%s %s %s", uts.sysname, uts.release, uts.machine);
	s->started = text_dup(rfc3339);
	s->started_real_ns = clock_real_ns();
	s->jobs = o->jobs;
	s->repeat = o->repeat;
	s->n_planned = o->repeat != 0 ? plan->n_runs * o->repeat : plan->n_runs;
	s->runs = array_new(s->n_planned, sizeof(*s->runs));

	cleanup_free char *copy = text_format("%s/topology.conf", s->folder);

	return fs_write(copy, plan->text, plan->text_len, e);
}

/* ---- at the end ---- */

static int write_report(const struct session *s, const char *name,
			int (*render)(FILE *, const struct session *, struct err *), struct err *e)
{
	cleanup_free char *path = text_format("%s/%s", s->folder, name);
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return err_set(e, errno, "create %s", path);

	int r = render(f, s, e);
	bool written = !ferror(f);

	if (fclose(f) != 0 || !written)
		return err_set(e, errno, "write %s", path);
	return r;
}

static int write_reports(const struct session *s, const struct run_options *o, struct err *e)
{
	cleanup_free char *latest = text_format("%s/%s/latest", o->captures, s->topology);

	if (write_report(s, "report.json", report_json, e) != 0 ||
	    write_report(s, "junit.xml", report_junit, e) != 0 ||
	    write_report(s, "report.tap", report_tap, e) != 0)
		return -1;
	return fs_symlink(fs_basename(s->folder), latest, e);
}

int session_give(const char *path, struct err *e)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	if (geteuid() != 0 || uid == NULL || gid == NULL)
		return 0;
	if (lchown(path, (unsigned)strtoul(uid, NULL, 10), (unsigned)strtoul(gid, NULL, 10)) != 0)
		return err_set(e, errno, "give %s to user %s", path, uid);
	return 0;
}

/* Whoever called sudo owns what they asked for. */
static int give_to_caller(const struct session *s, const struct run_options *o, struct err *e)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	cleanup_free char *parent = text_format("%s/%s", o->captures, s->topology);
	cleanup_free char *latest = text_format("%s/latest", parent);
	unsigned u, g;

	if (geteuid() != 0 || uid == NULL || gid == NULL)
		return 0;
	u = (unsigned)strtoul(uid, NULL, 10);
	g = (unsigned)strtoul(gid, NULL, 10);
	if (lchown(o->captures, u, g) != 0 || lchown(parent, u, g) != 0 ||
	    (lchown(latest, u, g) != 0 && errno != ENOENT))
		return err_set(e, errno, "give %s to user %u", parent, u);
	return fs_chown_tree(s->folder, u, g, e);
}

int session_write(const struct session *s, const struct run_options *o, struct err *e)
{
	struct err late;
	int r = s->n_runs > 0 ? write_reports(s, o, e) : 0;

	/* Of two errors the first is the one to tell. */
	if (give_to_caller(s, o, r != 0 ? &late : e) != 0)
		r = -1;
	return r;
}
