#include "lab/door.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdpass.h"

_Static_assert(N_DOORS <= FDPASS_MAX, "the namespaces fit into one message");

void door_done(struct door *door)
{
	for (size_t i = 0; i < N_DOORS; i++) {
		if (door->ns[i] >= 0)
			close(door->ns[i]);
		door->ns[i] = -1;
	}
}

static int send_door(int socket, const struct door *door, struct err *e)
{
	if (fdpass_send(socket, DOOR_OPEN, sizeof(DOOR_OPEN), door->ns, N_DOORS) != 0)
		return err_set(e, errno, "hand out namespaces");
	return 0;
}

int door_hand_out(const struct lab *lab, size_t node, int socket, struct err *e)
{
	cleanup_close int user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	cleanup_close int pid = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	cleanup_close int ipc = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	struct door door = { .ns = { [DOOR_USER] = user, [DOOR_PID] = pid, [DOOR_IPC] = ipc } };

	if (user < 0 || pid < 0 || ipc < 0)
		return err_set(e, errno, "open namespaces");
	lab_node_namespaces(lab, node, &door.ns[DOOR_NET], &door.ns[DOOR_UTS], &door.ns[DOOR_MNT]);
	return send_door(socket, &door, e);
}

int door_receive(int socket, struct door *ret_door, struct err *e)
{
	char message[512];
	size_t n;
	struct door door = { .ns = { -1 } };
	ssize_t len = fdpass_receive(socket, message, sizeof(message) - 1, door.ns, N_DOORS, &n, 0);

	if (len > 0 && n == N_DOORS) {
		*ret_door = door;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		close(door.ns[i]);
	if (len < 0)
		return errno == EAGAIN ? err_set(e, 0, "it does not answer")
				       : err_set(e, errno, "wait for an answer");
	if (len == 0)
		return err_set(e, 0, "it is going down");
	message[len] = '\0';
	return err_usage(e, "%s", message);
}

/* Entering the one that one is in already is refused, setns(2). */
static bool is_our_user_namespace(int ns)
{
	struct stat theirs, ours;

	return fstat(ns, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
	       theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

int door_enter_lab(const struct door *door, struct err *e)
{
	if (!is_our_user_namespace(door->ns[DOOR_USER]) &&
	    setns(door->ns[DOOR_USER], CLONE_NEWUSER) != 0)
		return err_set(e, errno, "enter the lab's user namespace");
	if (setns(door->ns[DOOR_PID], CLONE_NEWPID) != 0)
		return err_set(e, errno, "enter the lab's pid namespace");
	return 0;
}

int door_enter_node(const struct door *door, const char *cwd, struct err *e)
{
	if (setns(door->ns[DOOR_IPC], CLONE_NEWIPC) != 0 ||
	    setns(door->ns[DOOR_NET], CLONE_NEWNET) != 0 ||
	    setns(door->ns[DOOR_UTS], CLONE_NEWUTS) != 0 ||
	    setns(door->ns[DOOR_MNT], CLONE_NEWNS) != 0)
		return err_set(e, errno, "enter the node");
	if (cwd == NULL || chdir(cwd) != 0)
		return chdir("/") == 0 ? 0 : err_set(e, errno, "enter /");
	return 0;
}
