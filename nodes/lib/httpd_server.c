#include "httpd_server.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "door.h"
#include "httpd_answer.h"
#include "httpd_conn.h"
#include "httpd_header.h"
#include "scope.h"

#define CONN_MEMORY  (16 << 10)	 /* bytes of a connection for its headers, ours and theirs */
#define STACK_SIZE   (128 << 10) /* of a thread; paths and small things are on it */
#define ACCEPT_BATCH 64		 /* connections before others are served again */
#define SWEEP_NS     NS_PER_SEC
#define PAUSE_NS     (100 * NS_PER_MS) /* between attempts when descriptors have run out */
#define STOP_NS	     (10 * NS_PER_MS)  /* between looks at what is still under way */

const char *const httpd_mode_names[HTTPD_N_MODES] = {
	[HTTPD_ASYNC] = "async",
	[HTTPD_THREAD] = "thread",
	[HTTPD_THREAD_POOL] = "thread-pool",
	[HTTPD_PROCESS_POOL] = "process-pool",
};

struct server {
	const struct httpd_config *config;
	struct httpd_answerer answerer;
	struct httpd_conns conns;
	struct httpd_log log;
	struct MHD_Daemon *daemon;
	int epoll_fd, signal_fd, wake_fd;
	int listen_fd; /* -1: it is closed */
	int events_fd; /* of the library, where this thread runs it; otherwise -1 */
	bool watching; /* listen_fd is in the epoll set */
	uint64_t paused_until, sweep_at;
	uint64_t added; /* connections; a thread of the library may not have begun with it */
	unsigned signals;
};

static enum MHD_Result add_framing(void *cls, enum MHD_ValueKind kind, const char *name,
				   size_t name_len, const char *value, size_t value_len)
{
	(void)kind;
	httpd_framing_add(cls, name, name_len, value != NULL ? value : "", value_len);
	return MHD_YES;
}

static unsigned refusal_of(const char *method, const char *version, const struct httpd_framing *fr)
{
	unsigned status = httpd_framing_status(fr, version);

	if (status != 0)
		return status;
	if (!httpd_is_token(method, strlen(method)))
		return MHD_HTTP_BAD_REQUEST;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	return 0;
}

/* All headers are there. Refuses, or reads on: contents have to be read before the answer. */
static enum MHD_Result check_headers(struct server *s, struct httpd_conn *c, struct httpd_query *q,
				     const char *method, const char *version)
{
	struct httpd_framing fr = { 0 };

	httpd_conn_set_line(c, method, q->target, version);
	MHD_get_connection_values_n(q->connection, MHD_HEADER_KIND, add_framing, &fr);

	unsigned status = refusal_of(method, version, &fr);

	if (status == 0)
		return MHD_YES;
	/* Whatever follows is not read as a request. */
	q->close = q->close || status != MHD_HTTP_METHOD_NOT_ALLOWED || httpd_framing_has_body(&fr);
	httpd_conn_set_phase(c, HTTPD_ANSWERED);
	return httpd_answer_status(&s->answerer, q, status, &c->length);
}

/* Called with the headers, with each piece of content, and when the request is complete. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_len, void **context)
{
	struct server *s = cls;
	struct httpd_conn *c = *context;
	struct httpd_query q = { .connection = connection,
				 .target = url,
				 .head = strcmp(method, "HEAD") == 0,
				 .close = s->conns.stopping };

	(void)upload;
	if (!c->has_headers) {
		c->has_headers = true;
		return check_headers(s, c, &q, method, version);
	}
	if (*upload_len != 0) {
		c->body += *upload_len;
		*upload_len = 0;
		return c->body <= HTTPD_BODY_MAX ? MHD_YES : MHD_NO;
	}
	httpd_conn_set_phase(c, HTTPD_ANSWERED);
	return httpd_answer_file(&s->answerer, &q, &c->length);
}

/* What percent-encoding hides is decided where paths are understood, not in the library. */
static size_t keep_encoding(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static unsigned flags_of(enum httpd_mode mode)
{
	switch (mode) {
	case HTTPD_THREAD:
		return MHD_USE_NO_LISTEN_SOCKET | MHD_USE_POLL_INTERNAL_THREAD |
		       MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC;
	case HTTPD_THREAD_POOL:
		return MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC;
	default:
		return MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL;
	}
}

static int start_daemon(struct server *s, struct fail *f)
{
	const struct httpd_config *config = s->config;
	bool pooled = config->mode == HTTPD_THREAD_POOL && config->workers > 1;
	struct MHD_OptionItem pool[] = {
		{ pooled ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, config->workers, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	/*
	 * The limit is kept here. The library's must never be met: its thread then waits for ever for
	 * a lock that it holds (0.9.75). A pool's is cut into one per thread.
	 */
	unsigned limit = (config->limit + 1) * (pooled ? config->workers : 1);

	s->daemon = MHD_start_daemon(
		flags_of(config->mode), 0, NULL, NULL, handle, s, MHD_OPTION_ARRAY, pool,
		MHD_OPTION_NOTIFY_CONNECTION, httpd_conn_notify, &s->conns,
		MHD_OPTION_URI_LOG_CALLBACK, httpd_conn_ask, &s->conns, MHD_OPTION_NOTIFY_COMPLETED,
		httpd_conn_complete, &s->conns, MHD_OPTION_UNESCAPE_CALLBACK, keep_encoding, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONN_MEMORY,
		MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT,
		config->timeout_s, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (s->daemon == NULL)
		return fail_set(f, errno, "start libmicrohttpd");
	if (config->mode == HTTPD_ASYNC || config->mode == HTTPD_PROCESS_POOL)
		s->events_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return 0;
}

static int watch(const struct server *s, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return fd < 0 ? 0 : epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

/* Clients beyond the limit wait in the kernel's queue. */
static bool has_room(const struct server *s)
{
	/* In this order: one that begins meanwhile is counted twice, and none is missed. */
	uint64_t begun = s->conns.n_started;
	uint64_t waiting = s->added > begun ? s->added - begun : 0;

	return s->conns.n + waiting < s->config->limit;
}

static void watch_door(struct server *s, uint64_t now)
{
	bool wanted = s->listen_fd >= 0 && has_room(s) && now >= s->paused_until;

	if (wanted && !s->watching)
		s->watching = watch(s, s->listen_fd, EPOLLIN | EPOLLEXCLUSIVE) == 0;
	else if (!wanted && s->watching)
		s->watching = epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->listen_fd, NULL) != 0;
	s->conns.wake_on_close = !has_room(s) && s->events_fd < 0;
}

/* True when the queue is empty. */
static bool accept_clients(struct server *s, unsigned batch)
{
	for (unsigned i = 0; i < batch && has_room(s); i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		int fd = accept4(s->listen_fd, (struct sockaddr *)&sa, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			s->paused_until = time_now() + PAUSE_NS;
			return false;
		}
		/* EINVAL: another process has emptied and shut it. */
		if (fd < 0 && (errno == EAGAIN || errno == EINVAL))
			return true;
		/* Otherwise that client has gone already. When adding fails, it is closed. */
		if (fd >= 0 &&
		    MHD_add_connection(s->daemon, fd, (struct sockaddr *)&sa, len) == MHD_YES)
			s->added++;
	}
	return false;
}

static void read_signals(struct server *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
		s->signals++;
}

static int timeout_ms(struct server *s, uint64_t now, uint64_t wake)
{
	MHD_UNSIGNED_LONG_LONG library;

	if (s->events_fd >= 0 && MHD_get_timeout(s->daemon, &library) == MHD_YES) {
		if (library == 0)
			return 0;
		wake = time_earlier(wake, now + library * NS_PER_MS);
	}
	if (wake == UINT64_MAX)
		return -1;
	if (wake <= now)
		return 0;

	uint64_t ms = (wake - now + NS_PER_MS - 1) / NS_PER_MS;

	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* Do what is due, sleep until there is more to do, at most until wake, and do that. */
static void work(struct server *s, uint64_t wake)
{
	struct epoll_event events[8];
	uint64_t now = time_now();

	if (now >= s->sweep_at) {
		httpd_conns_end_late(&s->conns, now, s->config->timeout_s * NS_PER_SEC);
		s->sweep_at = now + SWEEP_NS;
	}
	watch_door(s, now);
	wake = time_earlier(wake, httpd_log_work(&s->log, now));
	if (s->conns.n != 0 || s->events_fd < 0) /* other threads change n meanwhile */
		wake = time_earlier(wake, s->sweep_at);
	if (now < s->paused_until)
		wake = time_earlier(wake, s->paused_until);

	int n = epoll_wait(s->epoll_fd, events, 8, timeout_ms(s, now, wake));
	/* Beside other processes, one each: else the first to wake takes all. */
	unsigned batch = s->config->mode == HTTPD_PROCESS_POOL ? 1 : ACCEPT_BATCH;
	eventfd_t ignored;

	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == s->listen_fd)
			accept_clients(s, batch);
		else if (events[i].data.fd == s->signal_fd)
			read_signals(s);
		else if (events[i].data.fd == s->wake_fd)
			eventfd_read(s->wake_fd, &ignored);
	}
	if (s->events_fd >= 0)
		MHD_run(s->daemon);
}

static void close_door(struct server *s)
{
	shutdown(s->listen_fd, SHUT_RDWR);
	if (s->watching)
		epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->listen_fd, NULL);
	s->watching = false;
	s->listen_fd = -1;
}

/*
 * Accept who waits, serve all that is under way, and leave when nobody is owed an answer, when the
 * time is over, or at another signal.
 */
static void finish(struct server *s)
{
	uint64_t begin = time_now(), end = begin + s->config->grace_ns, now;

	door_shut(s->listen_fd);
	s->conns.stopping = true;
	s->signals = 0;
	while ((now = time_now()) < end && s->signals == 0) {
		if (s->listen_fd >= 0 && now >= s->paused_until && accept_clients(s, UINT_MAX) &&
		    now >= begin + DOOR_NS)
			close_door(s);
		work(s, now + STOP_NS);
		if (s->listen_fd < 0 && s->conns.n_started >= s->added &&
		    httpd_conns_under_way(&s->conns, time_now()) == 0)
			break;
	}
}

static int open_server(struct server *s, struct fail *f)
{
	const struct httpd_config *config = s->config;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->signal_fd = httpd_server_signals(false);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->epoll_fd < 0 || s->signal_fd < 0 || s->wake_fd < 0)
		return fail_set(f, errno, "set up the event loop");
	httpd_log_init(&s->log);
	pthread_mutex_init(&s->conns.lock, NULL);
	s->conns.counts = config->counts;
	s->conns.log = config->quiet ? NULL : &s->log;
	s->conns.wake_fd = s->wake_fd;
	s->answerer.folder = config->folder;
	s->answerer.name = config->name;
	/* When sendfile(2) is at the end of a file that has shrunk, the library's thread tries for ever. */
	s->answerer.no_sendfile = config->mode == HTTPD_THREAD;
	snprintf(s->answerer.server, sizeof(s->answerer.server), "httpd/%s (%s)", HARNESS_VERSION,
		 httpd_mode_names[config->mode]);
	if (start_daemon(s, f) != 0)
		return -1;
	if (watch(s, s->signal_fd, EPOLLIN) != 0 || watch(s, s->wake_fd, EPOLLIN) != 0 ||
	    watch(s, s->events_fd, EPOLLIN) != 0)
		return fail_set(f, errno, "watch the event loop's descriptors");
	return 0;
}

int httpd_server_run(const struct httpd_config *config, struct fail *f)
{
	struct server s = { .config = config,
			    .epoll_fd = -1,
			    .signal_fd = -1,
			    .wake_fd = -1,
			    .events_fd = -1,
			    .listen_fd = config->listen_fd };
	int status = open_server(&s, f);

	while (status == 0 && s.signals == 0)
		work(&s, UINT64_MAX);
	if (status == 0)
		finish(&s);
	if (s.daemon != NULL) {
		MHD_stop_daemon(s.daemon);
		httpd_log_flush(&s.log);
	}

	int fds[] = { s.epoll_fd, s.signal_fd, s.wake_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return status;
}
