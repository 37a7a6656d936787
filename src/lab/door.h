/*
 * door: the way into a node of a living lab for a process from outside.
 *
 * The supervisor hands out a node's namespaces over a socket (door_hand_out());
 * whoever gets them (door_receive()) enters the lab, which its children to come
 * are in (door_enter_lab(), setns(2) of pid namespaces), and such a child enters
 * the node (door_enter_node()). Single-threaded processes only.
 */
#ifndef HARNESS_LAB_DOOR_H
#define HARNESS_LAB_DOOR_H

#include "base/err.h"
#include "lab/lab.h"

enum door_ns {
	DOOR_USER,
	DOOR_PID,
	DOOR_IPC,
	DOOR_NET,
	DOOR_UTS,
	DOOR_MNT,
	N_DOORS,
};

/* Namespace descriptors. */
struct door {
	int ns[N_DOORS];
};

/* The message that the namespaces come with. Any other is the text of an error. */
#define DOOR_OPEN "+"

/* In the supervisor. -1 also when nobody reads at the other end. */
int door_hand_out(const struct lab *lab, size_t node, int socket, struct err *e);
/* Waits as long as the socket's SO_RCVTIMEO says. */
int door_receive(int socket, struct door *ret_door, struct err *e);
void door_done(struct door *door);

/* Children from now on are in the lab's pid namespace and, where it has its own, user namespace. */
int door_enter_lab(const struct door *door, struct err *e);
/* The calling process, such a child, is in the node for good. cwd: kept where the node has it. */
int door_enter_node(const struct door *door, const char *cwd, struct err *e);

#endif
