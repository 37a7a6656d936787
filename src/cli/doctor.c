/* harness doctor: what this machine has and lacks, found out by trying, and what mends it. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/probe.h"
#include "cli/versions.h"
#include "report/render.h"
#include "report/report.h"

static const char help[] =
	"Usage: harness doctor\n\n"
	"Says what this machine has and lacks for running labs, and how to mend each lack.\n"
	"Every feature is tried, in namespaces that are gone afterwards.\n\n"
	"  -h, --help   this text\n\n"
	"Exit status: 0 everything required is there; 3 something required is missing.\n";

enum family {
	FAMILY_OTHER,
	FAMILY_DEBIAN,
	FAMILY_ALPINE,
	FAMILY_FEDORA,
	FAMILY_ARCH,
};

struct doctor {
	bool color;
	enum family family;
	size_t n_required, n_optional; /* missing */
};

/* ---- what the machine is ---- */

/* The value of a line NAME=value or NAME="value" of os-release(5) (free), or NULL. */
static char *release_value(const char *release, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *line = release; line[0] != '\0';) {
		size_t len = strcspn(line, "\n");

		if (len > name_len && line[name_len] == '=' && strncmp(line, name, name_len) == 0) {
			const char *value = line + name_len + 1;
			bool quoted = *value == '"' || *value == '\'';

			value += quoted;
			return text_format("%.*s", (int)strcspn(value, quoted ? "\"'\n" : "\n"),
					   value);
		}
		line += len + (line[len] == '\n');
	}
	return NULL;
}

static enum family family_of(const char *release)
{
	static const struct {
		const char *id;
		enum family family;
	} known[] = {
		{ "debian", FAMILY_DEBIAN }, { "ubuntu", FAMILY_DEBIAN },
		{ "alpine", FAMILY_ALPINE }, { "fedora", FAMILY_FEDORA },
		{ "rhel", FAMILY_FEDORA },   { "arch", FAMILY_ARCH },
	};
	cleanup_free char *id = release_value(release, "ID");
	cleanup_free char *like = release_value(release, "ID_LIKE");
	cleanup_free char *ids = text_format("%s %s", id != NULL ? id : "",
					     like != NULL ? like : "");

	for (char *rest = ids, *word; (word = strsep(&rest, " ")) != NULL;)
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(word, known[i].id) == 0)
				return known[i].family;
	return FAMILY_OTHER;
}

static void print_machine(struct doctor *d)
{
	cleanup_free char *release = NULL;
	cleanup_free char *libraries = versions_of_libraries();
	struct utsname u;
	struct sysinfo info;
	struct err e;
	cpu_set_t cpus;
	char memory[16];

	if (fs_read("/etc/os-release", 1 << 16, &release, NULL, &e) != 0)
		release = text_dup("");
	d->family = family_of(release);

	cleanup_free char *name = release_value(release, "PRETTY_NAME");

	if (uname(&u) == 0)
		printf("machine    %s %s %s, %s\n", u.sysname, u.release, u.machine,
		       name != NULL ? name : "unknown distribution");
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && sysinfo(&info) == 0)
		printf("           %d processors, %s of memory\n", CPU_COUNT(&cpus),
		       text_bytes(memory, (uint64_t)info.totalram * info.mem_unit));
	printf("harness    %s\n", HARNESS_VERSION);
	printf("libraries  %s\n\n", libraries);
}

/* ---- what mends a lack ---- */

static bool file_says(const char *path, const char *expected)
{
	cleanup_free char *content = NULL;
	struct err e;

	return fs_read(path, 4096, &content, NULL, &e) == 0 &&
	       strncmp(content, expected, strlen(expected)) == 0;
}

static const char *mend_privilege(enum family family, const struct finding *f)
{
	(void)f;
	(void)family;
	if (geteuid() == 0)
		return "give the container CAP_SYS_ADMIN and CAP_NET_ADMIN (docker run "
		       "--privileged)";
	return "run it as root (sudo ./harness ...), or mend 'user namespace'";
}

/* Each distribution that forbids it does so by a switch of its own. */
static const char *mend_user_namespace(enum family family, const struct finding *f)
{
	(void)f;
	(void)family;
	if (file_says("/proc/sys/kernel/unprivileged_userns_clone", "0"))
		return "sysctl -w kernel.unprivileged_userns_clone=1";
	if (file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
		return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
	if (file_says("/proc/sys/user/max_user_namespaces", "0\n"))
		return "sysctl -w user.max_user_namespaces=10000";
	return "not to be had here (a container forbids it, or CONFIG_USER_NS is off): use root";
}

static const char *mend_netem(enum family family, const struct finding *f)
{
	(void)f;
	static const char *const commands[] = {
		[FAMILY_OTHER] = "modprobe sch_netem",
		[FAMILY_DEBIAN] =
			"modprobe sch_netem, or apt-get install linux-image-amd64 and boot it",
		[FAMILY_ALPINE] = "modprobe sch_netem, or apk add linux-lts and boot it",
		[FAMILY_FEDORA] = "dnf install kernel-modules-extra && modprobe sch_netem",
		[FAMILY_ARCH] = "modprobe sch_netem, or pacman -S linux and boot it",
	};

	return commands[family];
}

/* Without a number: it is not mounted, or its controllers are with version 1. */
static const char *mend_cgroup(enum family family, const struct finding *f)
{
	(void)family;
	if (f->num != 0 && geteuid() != 0)
		return "run it as root, or in a part of yours: systemd-run --user --scope "
		       "./harness ...";
	switch (f->num) {
	case EACCES:
	case EPERM:
	case EROFS:
		return "docker run --privileged --cgroupns=host";
	case EBUSY:
		return "docker run --cgroupns=host, or move the container's processes out of the "
		       "way: mkdir /sys/fs/cgroup/init && for p in $(cat "
		       "/sys/fs/cgroup/cgroup.procs); do echo $p "
		       ">/sys/fs/cgroup/init/cgroup.procs; done";
	default:
		return "boot with cgroup_no_v1=all (and systemd.unified_cgroup_hierarchy=1), then, "
		       "without systemd: mount -t cgroup2 none /sys/fs/cgroup";
	}
}

static const char *mend_tshark(enum family family)
{
	static const char *const commands[] = {
		[FAMILY_OTHER] = "install Wireshark's command-line tools",
		[FAMILY_DEBIAN] = "apt-get install tshark",
		[FAMILY_ALPINE] = "apk add tshark",
		[FAMILY_FEDORA] = "dnf install wireshark-cli",
		[FAMILY_ARCH] = "pacman -S wireshark-cli",
	};

	return commands[family];
}

/* The program is one thing, and what it tells the kernel another. */
static const char *mend_nft(enum family family, const struct finding *f)
{
	(void)f;
	static const char *const commands[] = {
		[FAMILY_OTHER] = "install nftables",  [FAMILY_DEBIAN] = "apt-get install nftables",
		[FAMILY_ALPINE] = "apk add nftables", [FAMILY_FEDORA] = "dnf install nftables",
		[FAMILY_ARCH] = "pacman -S nftables",
	};

	if (access("/usr/sbin/nft", X_OK) == 0 || access("/sbin/nft", X_OK) == 0)
		return "modprobe -a nft_masq nft_nat nft_chain_nat";
	return commands[family];
}

static const char *mend_of(const struct doctor *d, const struct probe *p, const struct finding *f)
{
	static const struct {
		const char *name;
		const char *(*mend)(enum family family, const struct finding *f);
	} that_depend[] = {
		{ "privilege", mend_privilege },
		{ "user namespace", mend_user_namespace },
		{ "sch_netem", mend_netem },
		{ "cgroup v2", mend_cgroup },
		{ "nft", mend_nft },
	};

	for (size_t i = 0; i < sizeof(that_depend) / sizeof(that_depend[0]); i++)
		if (strcmp(p->name, that_depend[i].name) == 0)
			return that_depend[i].mend(d->family, f);
	/* The kernel has it and denies it (namespaces(7): ENOSPC is a limit of 0). */
	if (f->untried ||
	    (p->required && (f->num == EPERM || f->num == EACCES || f->num == ENOSPC)))
		return "as for 'privilege'";
	return p->mend;
}

/* ---- findings ---- */

static void print_finding(struct doctor *d, const char *name, bool required, const char *purpose,
			  const struct finding *f, const char *mend)
{
	enum outcome look = f->works   ? OUTCOME_PASS
			    : required ? OUTCOME_FAIL
				       : OUTCOME_INCONCLUSIVE;
	const char *symbol = f->works || required ? render_symbol(look) : "-";
	const char *word = f->works ? "ok" : required ? "LACKS" : "without";

	printf("  %s%s %-7s%s  %-18s  %s\n", d->color ? render_color(look) : "", symbol, word,
	       d->color ? RENDER_PLAIN : "", name, f->detail);
	if (f->works)
		return;
	printf("  %9s  %-18s  %s: %s\n", "", "", required ? "needed for" : "would help", purpose);
	printf("  %9s  %-18s  mend: %s\n", "", "", mend);
	*(required ? &d->n_required : &d->n_optional) += 1;
}

/* The first executable of this name in PATH (free), or NULL. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	cleanup_free char *folders = text_dup(path != NULL ? path : "/usr/bin:/bin");

	for (char *rest = folders, *folder; (folder = strsep(&rest, ":")) != NULL;) {
		cleanup_free char *file = text_format("%s/%s", folder, name);

		if (access(file, X_OK) == 0)
			return take_ptr(file);
	}
	return NULL;
}

static void print_tshark(struct doctor *d)
{
	cleanup_free char *path = find_program("tshark");
	struct finding f = { .works = path != NULL };

	snprintf(f.detail, sizeof(f.detail), "%s", path != NULL ? path : "not in PATH");
	print_finding(d, "tshark", false, "reading captures from the command line", &f,
		      mend_tshark(d->family));
}

static int conclude(const struct doctor *d)
{
	if (d->n_required != 0) {
		printf("\nThis machine cannot run labs yet: %zu required feature%s missing.\n",
		       d->n_required, d->n_required == 1 ? " is" : "s are");
		return EXIT_MACHINE;
	}
	printf("\nThis machine can run labs");
	if (d->n_optional != 0)
		printf("; %zu optional feature%s missing", d->n_optional,
		       d->n_optional == 1 ? " is" : "s are");
	printf(".\n");
	return 0;
}

static int parse(int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "h", longs, NULL };
	int r = options_read(argc, argv, &line, NULL, e);

	if (r == 1 && optind < argc)
		return err_usage(e, "doctor takes no arguments, and got '%s'", argv[optind]);
	return r;
}

int cli_doctor(int argc, char **argv, struct err *e)
{
	struct doctor d = { .color = report_color_wanted(stdout) };
	int r = parse(argc, argv, e);

	if (r != 1)
		return r;
	print_machine(&d);
	for (size_t i = 0; i < n_probes; i++) {
		const struct probe *p = &probes[i];
		struct finding f;

		/* Or the child would print what is still buffered once more. */
		fflush(stdout);
		probe_run(p, &f);
		print_finding(&d, p->name, p->required, p->purpose, &f, mend_of(&d, p, &f));
	}
	print_tshark(&d);
	return conclude(&d);
}
