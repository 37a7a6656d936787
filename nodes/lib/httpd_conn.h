/*
 * httpd_conn: the connections of a server: what each is doing, and its log
 * lines. The library's threads change what a connection does; the server's
 * own thread asks who is late and who is still being served.
 */
#ifndef NODES_HTTPD_CONN_H
#define NODES_HTTPD_CONN_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "httpd_log.h"
#include "httpd_server.h"
#include "peer.h"

enum httpd_phase {
	HTTPD_FRESH,	/* nothing was asked yet */
	HTTPD_ASKING,	/* the request line is there, the rest is being read */
	HTTPD_ANSWERED, /* the answer is being sent */
	HTTPD_IDLE,	/* kept alive; the next request may be half there */
};

struct httpd_conn {
	struct httpd_conn *next, **link;
	int fd;
	_Atomic int phase;
	_Atomic uint64_t since;	  /* the phase began, ns */
	uint64_t abandoned_since; /* that phase, in which its client was seen to have closed */
	char client[PEER_TEXT_LEN];
	uint16_t port;
	/* Of the request in hand: */
	bool has_headers;
	uint64_t asked;	 /* ns */
	uint64_t length; /* bytes of the answer's content */
	uint64_t body;	 /* bytes of the request's */
	char line[256];	 /* "GET /uri HTTP/1.1", safe to print; cut short */
};

struct httpd_conns {
	pthread_mutex_t lock;
	struct httpd_conn *first;
	_Atomic unsigned n;
	_Atomic uint64_t n_started; /* since the beginning */
	_Atomic bool stopping;	    /* answers end their connections */
	struct httpd_counts *counts;
	struct httpd_log *log;	    /* NULL: quiet */
	int wake_fd;		    /* eventfd that tells the server's thread of a first log line */
	_Atomic bool wake_on_close; /* and of the end of each connection */
};

/* For MHD_OPTION_NOTIFY_CONNECTION, _URI_LOG_CALLBACK and _NOTIFY_COMPLETED; cls: conns. */
void httpd_conn_notify(void *cls, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code);
void *httpd_conn_ask(void *cls, const char *uri, struct MHD_Connection *connection);
void httpd_conn_complete(void *cls, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code);

/* A new phase begins now. */
void httpd_conn_set_phase(struct httpd_conn *c, enum httpd_phase phase);
/* All of the request line is known. */
void httpd_conn_set_line(struct httpd_conn *c, const char *method, const char *uri,
			 const char *version);

/*
 * To be called about every second. Ends those that take longer than this for one request: the
 * library's own limit is for silence only, and a client that sends a byte now and then is never
 * silent. And those whose client has closed in the middle of a request: with epoll the library
 * overlooks an end that comes together with the last bytes.
 */
void httpd_conns_end_late(struct httpd_conns *conns, uint64_t now, uint64_t limit_ns);
/* How many are owed an answer: asked, have bytes waiting, or came so lately that they will ask. */
unsigned httpd_conns_under_way(struct httpd_conns *conns, uint64_t now);

#endif
