#include "lab/etc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "lab/hosts.h"

#define FOLDER "/run/harness/etc"
/* Beyond, /etc/hosts is one for all: a copy for each would be more than the private /run holds. */
#define MAX_PRIVATE_HOSTS 512
#define SHARED_HOSTS	  "/run/harness/hosts"

/* "../run/x/y" of a link in /etc, or "/run/x/y" (free); NULL: it does not lead into /run. */
static char *target_in_run(const char *link)
{
	static const char *const ways[] = { "/run/", "../run/", "/var/run/", "../var/run/" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strncmp(link, ways[i], strlen(ways[i])) == 0 && strstr(link, "/../") == NULL)
			return text_format("/run/%s", link + strlen(ways[i]));
	return NULL;
}

/*
 * Where a resolver of the host keeps it there, /etc/resolv.conf leads into /run, which is the node's
 * own and empty: a file to mount over is made there.
 */
static int make_target(const char *path, struct err *e)
{
	char link[PATH_MAX] = { 0 };
	struct stat st;

	if (stat(path, &st) == 0 || readlink(path, link, sizeof(link) - 1) < 0)
		return 0;

	cleanup_free char *target = target_in_run(link);

	if (target == NULL)
		return 0;

	cleanup_free char *folder = text_format("%.*s", (int)(strrchr(target, '/') - target),
						target);

	return fs_mkdir_all(folder, e) != 0 ? -1 : fs_write(target, "", 0, e);
}

static int write_hosts(const struct topology *t, size_t node, const char *folder, struct err *e)
{
	cleanup_by(text_done) struct text hosts = { 0 };
	cleanup_free char *path = text_format("%s/hosts", folder);

	if (t->n_nodes <= MAX_PRIVATE_HOSTS || node == 0)
		hosts_add(&hosts, t, node);
	if (t->n_nodes <= MAX_PRIVATE_HOSTS)
		return fs_write(path, hosts.s, hosts.len, e);
	if (node == 0 && fs_write(SHARED_HOSTS, hosts.s, hosts.len, e) != 0)
		return -1;
	return fs_symlink(SHARED_HOSTS, path, e);
}

int etc_prepare(const struct topology *t, struct err *e)
{
	for (size_t n = 0; n < t->n_nodes; n++) {
		cleanup_free char *folder = text_format(FOLDER "/%s", t->nodes[n].name);
		cleanup_free char *resolv = text_format("%s/resolv.conf", folder);

		if (fs_mkdir_all(folder, e) != 0 || write_hosts(t, n, folder, e) != 0 ||
		    fs_write(resolv, "", 0, e) != 0)
			return -1;
	}
	return 0;
}

int etc_bind(const char *node, struct err *e)
{
	static const char *const names[] = { "hosts", "resolv.conf" };
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_free char *own = text_format(FOLDER "/%s/%s", node, names[i]);
		cleanup_free char *path = text_format("/etc/%s", names[i]);

		/* Only over a file that is there: none is ever made in the host's /etc. */
		if (make_target(path, e) != 0)
			return -1;
		if (stat(path, &st) == 0 && mount(own, path, NULL, MS_BIND, NULL) != 0)
			return err_set(e, errno, "mount %s over %s", own, path);
	}
	return 0;
}
