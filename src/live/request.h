/* request: what is asked of the keeper of a lab, and by whom: one short message, and one answer. */
#ifndef HARNESS_LIVE_REQUEST_H
#define HARNESS_LIVE_REQUEST_H

#include "base/err.h"
#include "lab/door.h"
#include "live/registry.h"
#include "live/status.h"

/* A message is one of these and, behind the space of the last, a node's name. */
#define REQUEST_STATUS "status" /* answered by STATUS_FOLLOWS and a descriptor of status.h's JSON */
#define REQUEST_DOWN   "down"	/* answered at its end, by words for people */
#define REQUEST_ENTER  "enter " /* answered by the supervisor: door.h */

#define STATUS_FOLLOWS "="
/* Seconds that a lab has for an answer. It needs less than a millisecond. */
#define REQUEST_DEADLINE 3

/* A connection to the lab of this name, for the caller to keep (close); ret_lab may be NULL. */
int request_connect(const char *name, int *ret_fd, struct registered *ret_lab, struct err *e);
/* Over a connection, which stays open. */
int request_status(int connection, struct lab_status *ret_status, struct err *e);
/* Both in one: connect, ask, hang up. */
int request_status_of(const char *name, struct lab_status *ret_status, struct err *e);
/* The namespaces of a node (door_done). */
int request_enter(const char *name, const char *node, struct door *ret_door, struct err *e);

#endif
