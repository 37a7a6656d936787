#include "httpd_conn.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "scope.h"

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void wake(const struct httpd_conns *conns)
{
	/* It fails when so many wait to be read that the server wakes anyway. */
	(void)eventfd_write(conns->wake_fd, 1);
}

void httpd_conn_set_phase(struct httpd_conn *c, enum httpd_phase phase)
{
	c->since = time_now();
	c->phase = phase;
}

static struct httpd_conn *conn_new(struct MHD_Connection *connection)
{
	struct httpd_conn *c = scope_alloc(1, sizeof(*c));
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sockaddr_storage sa = { 0 };
	struct peer peer;
	bool v6 = info->client_addr->sa_family == AF_INET6;

	memcpy(&sa, info->client_addr,
	       v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	peer_of_sockaddr(&sa, &peer);
	peer_text(c->client, &peer);
	c->port = peer.port;
	c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	httpd_conn_set_phase(c, HTTPD_FRESH);
	return c;
}

static void add(struct httpd_conns *conns, struct httpd_conn *c)
{
	pthread_mutex_lock(&conns->lock);
	c->next = conns->first;
	c->link = &conns->first;
	if (c->next != NULL)
		c->next->link = &c->next;
	conns->first = c;
	conns->n++;
	conns->n_started++;
	pthread_mutex_unlock(&conns->lock);
	count(&conns->counts->connections, 1);
}

/* Its socket is still open: whoever finds it in the list may use it. */
static void drop(struct httpd_conns *conns, struct httpd_conn *c)
{
	pthread_mutex_lock(&conns->lock);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	conns->n--;
	pthread_mutex_unlock(&conns->lock);
	free(c);
	if (conns->wake_on_close)
		wake(conns);
}

void httpd_conn_notify(void *cls, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code)
{
	struct httpd_conns *conns = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = conn_new(connection);
		add(conns, *context);
	} else if (*context != NULL) {
		drop(conns, *context);
		*context = NULL;
	}
}

void httpd_conn_set_line(struct httpd_conn *c, const char *method, const char *uri,
			 const char *version)
{
	int n = snprintf(c->line, sizeof(c->line), "%.32s %.200s %.16s", method, uri, version);

	for (int i = 0; i < n; i++)
		if (!isprint((unsigned char)c->line[i]) || c->line[i] == '"')
			c->line[i] = '?';
}

void *httpd_conn_ask(void *cls, const char *uri, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct httpd_conn *c = info->socket_context;

	(void)cls;
	httpd_conn_set_phase(c, HTTPD_ASKING);
	c->asked = c->since;
	c->length = c->body = 0;
	c->has_headers = false;
	httpd_conn_set_line(c, "-", uri, "-");
	return c;
}

static void log_request(struct httpd_conns *conns, const struct httpd_conn *c, unsigned status,
			bool whole)
{
	char line[512];
	uint64_t real = time_real();
	int n = snprintf(line, sizeof(line), "%llu.%06llu %s:%u \"%s\" %u %llu %lluus%s\n",
			 (unsigned long long)(real / NS_PER_SEC),
			 (unsigned long long)(real % NS_PER_SEC / NS_PER_US), c->client, c->port,
			 c->line, status, (unsigned long long)c->length,
			 (unsigned long long)((time_now() - c->asked) / NS_PER_US),
			 whole ? "" : " aborted");

	if (httpd_log_add(conns->log, line, (size_t)n))
		wake(conns);
}

void httpd_conn_complete(void *cls, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct httpd_conns *conns = cls;
	struct httpd_conn *c = *context;
	const union MHD_ConnectionInfo *info;
	bool whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;

	if (c == NULL)
		return;
	*context = NULL;
	/* What the library refused by itself has a status, too. */
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);

	unsigned status = info != NULL ? info->http_status : 0;

	count(&conns->counts->requests, 1);
	if (status < HTTPD_STATUS_MAX && status != 0)
		count(&conns->counts->status[status], 1);
	count(whole ? &conns->counts->bytes : &conns->counts->aborted, whole ? c->length : 1);
	if (conns->log != NULL)
		log_request(conns, c, status, whole);
	httpd_conn_set_phase(c, HTTPD_IDLE);
}

static size_t unread_of(const struct httpd_conn *c)
{
	int unread = 0;

	return ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0 ? (size_t)unread : 0;
}

/* The client has closed, and all that it sent was read. */
static bool is_abandoned(const struct httpd_conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLRDHUP) != 0 && unread_of(c) == 0;
}

static bool is_late(struct httpd_conn *c, uint64_t now, uint64_t limit_ns)
{
	uint64_t since = c->since;

	if (c->phase == HTTPD_ANSWERED || now <= since)
		return false;
	if (now - since > limit_ns)
		return true;
	if (!is_abandoned(c))
		return false;
	/* Not at the first look: what was read may become a request yet. */
	if (c->abandoned_since == since)
		return true;
	c->abandoned_since = since;
	return false;
}

void httpd_conns_end_late(struct httpd_conns *conns, uint64_t now, uint64_t limit_ns)
{
	pthread_mutex_lock(&conns->lock);
	for (struct httpd_conn *c = conns->first; c != NULL; c = c->next)
		if (is_late(c, now, limit_ns))
			shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_unlock(&conns->lock);
}

static bool is_under_way(const struct httpd_conn *c, uint64_t now)
{
	int phase = c->phase;

	switch (phase) {
	case HTTPD_ASKING:
	case HTTPD_ANSWERED:
		return true;
	case HTTPD_FRESH:
		if (now < c->since + NS_PER_SEC)
			return true;
		break;
	}
	return unread_of(c) != 0;
}

unsigned httpd_conns_under_way(struct httpd_conns *conns, uint64_t now)
{
	unsigned n = 0;

	pthread_mutex_lock(&conns->lock);
	for (const struct httpd_conn *c = conns->first; c != NULL; c = c->next)
		n += is_under_way(c, now);
	pthread_mutex_unlock(&conns->lock);
	return n;
}
