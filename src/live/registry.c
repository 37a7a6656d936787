#include "live/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

#define PREFIX "harness/lab/"
/* States of /proc/net/unix: net_socket_state of linux/net.h. */
#define UNCONNECTED 1

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._-";

bool registry_is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= REGISTRY_NAME_MAX && strspn(name, name_bytes) == len;
}

/* Of the abstract address; no NUL at its end. */
static socklen_t make_address(const struct registered *lab, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };

	int len = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, PREFIX "%u/%s", lab->uid,
			   lab->name);

	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

static struct registered registered_as(const char *name, uid_t uid)
{
	struct registered lab = { .uid = uid };

	memcpy(lab.name, name, strlen(name) + 1);
	return lab;
}

int registry_claim(const char *name, int *ret_fd, struct err *e)
{
	const struct registered lab = registered_as(name, geteuid());
	struct sockaddr_un a;
	socklen_t len = make_address(&lab, &a);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, errno, "open a socket");
	if (bind(fd, (const struct sockaddr *)&a, len) == 0) {
		*ret_fd = take_fd(&fd);
		return 0;
	}
	if (errno != EADDRINUSE)
		return err_set(e, errno, "take the name '%s'", name);
	return err_usage(e,
			 "a lab '%s' is up already: 'harness down %s' ends it, --name NAME gives "
			 "this one another name",
			 name, name);
}

static bool peer(int connection, struct ucred *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, ret, &len) == 0;
}

bool registry_may_talk(int connection)
{
	struct ucred c;

	return peer(connection, &c) && (c.uid == 0 || c.uid == geteuid());
}

static int compare(const void *a, const void *b)
{
	const struct registered *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* A line of /proc/net/unix: proc_net(5). Connections have the listener's name, too. */
static bool read_line(const char *line, struct registered *lab)
{
	unsigned state, uid;
	char name[REGISTRY_NAME_MAX + 1];

	if (sscanf(line, "%*s %*s %*s %*s %*s %x %*s @" PREFIX "%u/%63[a-zA-Z0-9._-]", &state, &uid,
		   name) != 3 ||
	    state != UNCONNECTED)
		return false;
	*lab = registered_as(name, uid);
	return true;
}

int registry_list(struct registered **ret_labs, size_t *ret_n, struct err *e)
{
	cleanup_fclose FILE *f = fopen("/proc/net/unix", "re");
	cleanup_free struct registered *labs = NULL;
	size_t n = 0, room = 0;
	char line[512];

	if (f == NULL)
		return err_set(e, errno, "list labs: open /proc/net/unix");
	while (fgets(line, sizeof(line), f) != NULL) {
		struct registered lab;

		if (read_line(line, &lab) && (geteuid() == 0 || lab.uid == geteuid()))
			*(struct registered *)array_add(&labs, &n, &room, sizeof(lab)) = lab;
	}
	if (n > 0)
		qsort(labs, n, sizeof(*labs), compare);
	*ret_labs = take_ptr(labs);
	*ret_n = n;
	return 0;
}

static int nothing_found(const char *name, size_t n_labs, struct err *e)
{
	return err_usage(e, "no lab '%s' is up: %s 'harness up topologies/%s.conf' starts one",
			 name, n_labs > 0 ? "'harness ps' lists those that are, and" : "none is;",
			 name);
}

int registry_find(const char *name, struct registered *ret_lab, struct err *e)
{
	cleanup_free struct registered *labs = NULL;
	const struct registered *found = NULL;
	size_t n, n_found = 0;

	if (registry_list(&labs, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(labs[i].name, name) != 0)
			continue;
		found = &labs[i];
		n_found++;
		if (found->uid == geteuid())
			break;
	}
	if (found == NULL)
		return nothing_found(name, n, e);
	if (found->uid != geteuid() && n_found > 1)
		return err_usage(e, "several users have a lab '%s': sudo -u USER harness ...",
				 name);
	*ret_lab = *found;
	return 0;
}

bool registry_is_taken(const struct registered *lab)
{
	cleanup_free struct registered *labs = NULL;
	size_t n;
	struct err ignored;

	if (registry_list(&labs, &n, &ignored) != 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (compare(&labs[i], lab) == 0)
			return true;
	return false;
}

enum registry_answer registry_connect(const struct registered *lab, unsigned seconds, int *ret_fd,
				      pid_t *ret_pid)
{
	const struct timeval deadline = { .tv_sec = (time_t)seconds };
	struct sockaddr_un a;
	socklen_t len = make_address(lab, &a);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred c;

	*ret_pid = 0;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline)) != 0)
		return REGISTRY_SILENT;
	if (connect(fd, (const struct sockaddr *)&a, len) != 0)
		return errno != ECONNREFUSED	? REGISTRY_SILENT
		       : registry_is_taken(lab) ? REGISTRY_STARTING
						: REGISTRY_GONE;
	/* Anybody may bind any abstract name: whose name it is must be who listens. */
	if (!peer(fd, &c) || c.uid != lab->uid)
		return REGISTRY_GONE;
	*ret_pid = c.pid;
	*ret_fd = take_fd(&fd);
	return REGISTRY_CONNECTED;
}
