#include "lab/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "lab/cgroup_files.h"

#define PREFIX	 "harness."
#define RANDOM	 "XXXXXX"
#define MAX_FILE 65536

/* ---- files ---- */

static unsigned read_controllers(const char *folder, const char *name)
{
	cleanup_free char *path = text_format("%s/%s", folder, name);
	cleanup_free char *list = NULL;
	struct err ignored;

	return fs_read(path, MAX_FILE, &list, NULL, &ignored) == 0 ? cgroup_controllers(list) : 0;
}

/* Hand controllers on to the children of this folder ('+'), or no longer ('-'). */
static int hand_on(const char *folder, char sign, unsigned controllers, struct err *e)
{
	char text[32] = "";

	if (controllers == 0)
		return 0;
	if (controllers & CGROUP_CPU)
		snprintf(text, sizeof(text), "%ccpu", sign);
	if (controllers & CGROUP_MEMORY)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %cmemory", sign);
	return cgroup_write(folder, "cgroup.subtree_control", text, e);
}

/* Held as long as the descriptor is open, here or in a child. */
static int lock_folder(const char *path, int how, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || flock(fd, how) != 0)
		return err_set(e, errno, "lock %s", path);
	return take_fd(&fd);
}

int cgroup_hold(const char *path, struct err *e)
{
	return lock_folder(path, LOCK_SH | LOCK_NB, e);
}

/* ---- the names of runs' folders ---- */

/* What was changed for one: "harness.cpu+memory.XXXXXX", "harness.-.XXXXXX". */
static char *name_template(const char *place, unsigned made)
{
	return text_format("%s/%s%s%s%s." RANDOM, place, PREFIX, made & CGROUP_CPU ? "cpu" : "",
			   made == (CGROUP_CPU | CGROUP_MEMORY) ? "+"
			   : made == 0				? "-"
								: "",
			   made & CGROUP_MEMORY ? "memory" : "");
}

/* False: the name of something else. */
static bool parse_name(const char *name, unsigned *ret_made)
{
	static const struct {
		const char *word;
		unsigned made;
	} words[] = {
		{ "-.", 0 },
		{ "cpu.", CGROUP_CPU },
		{ "memory.", CGROUP_MEMORY },
		{ "cpu+memory.", CGROUP_CPU | CGROUP_MEMORY },
	};
	size_t prefix = strlen(PREFIX);

	if (strncmp(name, PREFIX, prefix) != 0)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);

		*ret_made = words[i].made;
		if (strncmp(name + prefix, words[i].word, len) == 0)
			return strlen(name + prefix + len) == strlen(RANDOM);
	}
	return false;
}

/* Called for each run's folder at a place. */
typedef void visit_fn(const char *place, const char *name, unsigned made, void *arg);

static void visit_folders(const char *place, visit_fn *visit, void *arg)
{
	cleanup_closedir DIR *dir = opendir(place);
	const struct dirent *d;
	unsigned made;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (parse_name(d->d_name, &made))
			visit(place, d->d_name, made, arg);
}

/* ---- removing ---- */

static int remove_children(const char *path, struct err *e)
{
	cleanup_closedir DIR *dir = opendir(path);
	const struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (d->d_type == DT_DIR && d->d_name[0] != '.' &&
		    unlinkat(dirfd(dir), d->d_name, AT_REMOVEDIR) != 0)
			return err_set(e, errno, "remove %s/%s", path, d->d_name);
	return 0;
}

/*
 * The place is locked. What is to be undone is undone before its record goes; that the kernel
 * refuses it (EBUSY) says that others use it, and their folders have the same record.
 */
static int remove_folder(const char *place, const char *path, unsigned made, struct err *e)
{
	struct err ignored;

	/* A process that is still in there is to keep its limits. */
	if (remove_children(path, e) != 0)
		return -1;
	hand_on(path, '-', read_controllers(path, "cgroup.subtree_control"), &ignored);
	hand_on(place, '-', made & CGROUP_CPU, &ignored);
	hand_on(place, '-', made & CGROUP_MEMORY, &ignored);
	if (rmdir(path) != 0 && errno != ENOENT)
		return err_set(e, errno, "remove %s", path);
	return 0;
}

static void remove_stale(const char *place, const char *name, unsigned made, void *arg)
{
	cleanup_free char *path = text_format("%s/%s", place, name);
	struct err ignored;
	cleanup_close int lock = lock_folder(path, LOCK_EX | LOCK_NB, &ignored);

	(void)arg;
	if (lock >= 0)
		remove_folder(place, path, made, &ignored);
}

static void count_folder(const char *place, const char *name, unsigned made, void *arg)
{
	(void)place;
	(void)name;
	(void)made;
	++*(size_t *)arg;
}

static void sweep_place(const char *place)
{
	cleanup_close int lock = -1;
	struct err ignored;
	size_t n = 0;

	visit_folders(place, count_folder, &n);
	if (n == 0)
		return;
	/* Whoever has it at the moment sweeps, too. */
	lock = lock_folder(place, LOCK_EX | LOCK_NB, &ignored);
	if (lock >= 0)
		visit_folders(place, remove_stale, NULL);
}

/* Until its file of events says that no process is in it (poll(2) tells of every change). */
static void await_empty(const char *path, uint64_t deadline_ns)
{
	cleanup_free char *events = text_format("%s/cgroup.events", path);
	cleanup_close int fd = open(events, O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	char buf[256];
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf) - 1, 0)) > 0) {
		uint64_t now = clock_ns();

		buf[n] = '\0';
		if (cgroup_count(buf, "populated") == 0 || now >= deadline_ns)
			return;
		poll(&p, 1, (int)((deadline_ns - now) / NS_PER_MS % (1 << 30)) + 1);
	}
}

int cgroup_remove(struct cgroup *c, uint64_t deadline_ns, struct err *e)
{
	cleanup_close int lock = -1;
	unsigned made = 0;
	int r;

	await_empty(c->path, deadline_ns);
	lock = lock_folder(c->place, LOCK_EX, e);
	parse_name(fs_basename(c->path), &made);
	r = lock < 0 ? -1 : remove_folder(c->place, c->path, made, e);
	close(c->lock);
	free(c->place);
	free(c->path);
	*c = CGROUP_NONE;
	return r;
}

/* ---- making ---- */

static void add_made(const char *place, const char *name, unsigned made, void *arg)
{
	(void)place;
	(void)name;
	*(unsigned *)arg |= made;
}

static _Noreturn void enter_and_exit(const char *path)
{
	cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err e = { 0 };

	_exit(fd >= 0 && cgroup_enter(fd, &e) == 0 ? 0 : e.num != 0 ? e.num : EIO);
}

/* Whether a process of ours may go there: users may not move themselves everywhere. */
static int try_to_enter(const char *path, struct err *e)
{
	cleanup_free char *child = text_format("%s/try", path);
	int status = 0, saved;
	pid_t pid;

	if (mkdir(child, 0755) != 0)
		return err_set(e, errno, "make %s", child);
	pid = fork();
	if (pid == 0)
		enter_and_exit(child);
	saved = errno;
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		saved = WEXITSTATUS(status);
	rmdir(child);
	return saved == 0 ? 0 : err_set(e, saved, "put a process into %s", child);
}

static int fill(const char *place, const char *path, unsigned needed, unsigned missing,
		struct err *e)
{
	if (hand_on(place, '+', missing, e) != 0 || hand_on(path, '+', needed, e) != 0)
		return -1;
	return try_to_enter(path, e);
}

/* The place is locked. */
static int make_locked(const char *place, unsigned needed, unsigned missing, struct cgroup *ret,
		       struct err *e)
{
	cleanup_free char *path = NULL;
	cleanup_close int lock = -1;
	unsigned made = missing;
	struct err ignored;

	visit_folders(place, remove_stale, NULL);
	visit_folders(place, add_made, &made);
	path = name_template(place, made);
	if (mkdtemp(path) == NULL)
		return err_set(e, errno, "make a folder in %s", place);
	lock = cgroup_hold(path, e);
	if (lock < 0 || fill(place, path, needed, missing, e) != 0) {
		remove_folder(place, path, made, &ignored);
		return -1;
	}
	*ret = (struct cgroup){ text_dup(place), take_ptr(path), take_fd(&lock) };
	return 0;
}

/*
 * 1: made; 0: not the place for it, as it is; -1: it should have worked. Others may change it at
 * any time: until we have the lock, what is missing is only a hint which places to try first.
 */
static int make_at(const char *place, unsigned needed, bool change, struct cgroup *ret,
		   struct err *e)
{
	unsigned missing = needed & ~read_controllers(place, "cgroup.subtree_control");
	cleanup_close int lock = -1;
	struct err known;

	if ((needed & ~read_controllers(place, "cgroup.controllers")) != 0 ||
	    (missing != 0 && !change))
		return 0;
	/* If it was so when such places were tried, it has said then why it cannot be. */
	if (missing == 0 && change)
		e = &known;
	lock = lock_folder(place, LOCK_EX, e);
	if (lock < 0)
		return -1;
	missing = needed & ~read_controllers(place, "cgroup.subtree_control");
	return make_locked(place, needed, missing, ret, e) == 0 ? 1 : -1;
}

/* ---- places ---- */

struct places {
	struct cgroup_mount mount;
	char *own; /* folder of our own cgroup, below the mount point */
};

static void places_done(struct places *p)
{
	cgroup_mount_done(&p->mount);
	free(p->own);
}

static int places_find(struct places *ret, struct err *e)
{
	cleanup_free char *mountinfo = NULL;
	cleanup_free char *cgroups = NULL;
	cleanup_free char *own = NULL;

	if (fs_read("/proc/self/mountinfo", 1 << 24, &mountinfo, NULL, e) != 0 ||
	    fs_read("/proc/self/cgroup", MAX_FILE, &cgroups, NULL, e) != 0)
		return -1;
	own = cgroup_find_own(cgroups);
	if (own == NULL || !cgroup_find_mount(mountinfo, own, &ret->mount))
		return err_set(e, 0, "no cgroup v2 is mounted here");
	ret->own = cgroup_folder_of(&ret->mount, own);
	return 0;
}

/* To the folder above; false: there is none. */
static bool go_up(const struct places *p, char *place)
{
	char *slash = strrchr(place, '/');

	if (strcmp(place, p->mount.point) == 0 || slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

static int make_somewhere(const struct places *p, unsigned needed, bool change, struct cgroup *ret,
			  struct err *e)
{
	cleanup_free char *place = text_dup(p->own);

	do {
		if (make_at(place, needed, change, ret, e) == 1)
			return 1;
	} while (go_up(p, place));
	return 0;
}

int cgroup_make(unsigned needed, struct cgroup *ret, struct err *e)
{
	cleanup_by(places_done) struct places p = { 0 };

	if (places_find(&p, e) != 0)
		return -1;
	err_set(e, 0, "no cgroup v2 with %s here",
		needed == CGROUP_CPU	  ? "a cpu controller"
		: needed == CGROUP_MEMORY ? "a memory controller"
					  : "cpu and memory controllers");
	return make_somewhere(&p, needed, false, ret, e) == 1 ||
			       make_somewhere(&p, needed, true, ret, e) == 1
		       ? 0
		       : -1;
}

void cgroup_sweep(void)
{
	cleanup_by(places_done) struct places p = { 0 };
	struct err ignored;

	if (places_find(&p, &ignored) != 0)
		return;

	cleanup_free char *place = text_dup(p.own);

	do {
		sweep_place(place);
	} while (go_up(&p, place));
}
