#include "live/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/text.h"

static int silent(const char *name, pid_t pid, struct err *e)
{
	if (pid == 0)
		return err_set(e, 0, "lab '%s' does not answer; 'harness down %s' ends it", name,
			       name);
	return err_set(e, 0,
		       "lab '%s' (pid %d) does not answer within %d s; 'harness down %s' ends it",
		       name, pid, REQUEST_DEADLINE, name);
}

int request_connect(const char *name, int *ret_fd, struct registered *ret_lab, struct err *e)
{
	struct registered lab;
	pid_t pid;

	if (registry_find(name, &lab, e) != 0)
		return -1;
	if (ret_lab != NULL)
		*ret_lab = lab;
	switch (registry_connect(&lab, REQUEST_DEADLINE, ret_fd, &pid)) {
	case REGISTRY_CONNECTED:
		return 0;
	case REGISTRY_STARTING:
		return err_set(e, 0, "lab '%s' is not up yet: try again in a moment", name);
	case REGISTRY_GONE:
		return err_set(e, 0, "lab '%s' has just gone down", name);
	case REGISTRY_SILENT:
		break;
	}
	return silent(name, 0, e);
}

static int read_status(int fd, struct lab_status *ret_status, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, errno, "read its answer");

	size_t len = (size_t)st.st_size;
	char *json = len > 0 ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;

	if (json == MAP_FAILED)
		return err_set(e, errno, "read its answer");

	int r = status_read(json, len, ret_status, e);

	munmap(json, len);
	return r;
}

int request_status(int connection, struct lab_status *ret_status, struct err *e)
{
	char answer[16];
	int fds[1] = { -1 };
	size_t n_fds;

	if (fdpass_send(connection, REQUEST_STATUS, strlen(REQUEST_STATUS), NULL, 0) != 0)
		return err_set(e, errno, "ask it for its status");

	ssize_t n = fdpass_receive(connection, answer, sizeof(answer), fds, 1, &n_fds, 0);
	cleanup_close int fd = n_fds == 1 ? fds[0] : -1;

	if (n < 0 && errno == EAGAIN)
		return err_set(e, EAGAIN, "it does not answer");
	if (n != (ssize_t)strlen(STATUS_FOLLOWS) || fd < 0)
		return err_set(e, 0, "it is going down");
	return read_status(fd, ret_status, e);
}

int request_status_of(const char *name, struct lab_status *ret_status, struct err *e)
{
	cleanup_close int fd = -1;

	if (request_connect(name, &fd, NULL, e) != 0)
		return -1;
	if (request_status(fd, ret_status, e) == 0)
		return 0;
	return e->num == EAGAIN ? silent(name, 0, e) : err_prefix(e, "lab '%s'", name);
}

int request_enter(const char *name, const char *node, struct door *ret_door, struct err *e)
{
	cleanup_free char *message = text_format(REQUEST_ENTER "%s", node);
	cleanup_close int fd = -1;
	struct registered lab;

	if (request_connect(name, &fd, &lab, e) != 0)
		return -1;
	/* Its user decides what is mounted in there: that is no place to be root in. */
	if (lab.uid != geteuid())
		return err_usage(e, "lab '%s' is of user %u: sudo -u '#%u' harness ...", name,
				 lab.uid, lab.uid);
	if (fdpass_send(fd, message, strlen(message), NULL, 0) != 0)
		return err_set(e, errno, "lab '%s': ask to enter %s", name, node);
	if (door_receive(fd, ret_door, e) != 0)
		return err_prefix(e, "lab '%s'", name);
	return 0;
}
