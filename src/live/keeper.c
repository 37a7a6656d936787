#include "live/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fdpass.h"
#include "base/fs.h"
#include "base/text.h"
#include "live/registry.h"
#include "live/request.h"

#define MAX_CLIENTS 128
/* Descriptors before those of clients in the poll set. */
#define N_OWN 2

struct keeper {
	struct keeper_config config;
	int clients[MAX_CLIENTS];
	bool waits[MAX_CLIENTS]; /* for the end */
	size_t n_clients;
	bool stopping;
};

__attribute__((format(printf, 2, 3))) static void note(const struct keeper *k, const char *format,
						       ...)
{
	va_list ap;

	va_start(ap, format);

	cleanup_free char *text = text_vformat(format, ap);

	va_end(ap);
	k->config.note(k->config.arg, text);
}

static void drop_client(struct keeper *k, size_t i)
{
	close(k->clients[i]);
	k->n_clients--;
	memmove(&k->clients[i], &k->clients[i + 1], (k->n_clients - i) * sizeof(k->clients[0]));
	memmove(&k->waits[i], &k->waits[i + 1], (k->n_clients - i) * sizeof(k->waits[0]));
}

/* ---- answers ---- */

/* Of any size, and the keeper never waits for a slow reader: the answer is a file in memory. */
static int send_status(const struct keeper *k, int client, struct err *e)
{
	struct lab_status s = *k->config.identity;
	cleanup_close int fd = memfd_create("harness-lab", MFD_CLOEXEC);
	char state[] = "up", stopping[] = "stopping";

	if (fd < 0)
		return err_set(e, errno, "make a file in memory");
	s.state = k->stopping ? stopping : state;
	status_describe(&s, k->config.topology, run_evidence(k->config.run));

	cleanup_free char *json = status_write(&s);
	struct lab_status made = {
		.nodes = s.nodes,
		.n_nodes = s.n_nodes,
		.programs = s.programs,
		.n_programs = s.n_programs,
	};

	status_done(&made);
	if (fs_write_fd(fd, json, strlen(json), e) != 0)
		return -1;
	if (fdpass_send(client, STATUS_FOLLOWS, strlen(STATUS_FOLLOWS), &fd, 1) != 0)
		return err_set(e, errno, "answer");
	return 0;
}

static void refuse(int client, const char *text)
{
	fdpass_send(client, text, strlen(text), NULL, 0);
}

static void refuse_node(const struct keeper *k, int client, const char *name)
{
	const struct topology *t = k->config.topology;
	struct text message = { 0 };

	text_add(&message, "there is no node '%.64s'; nodes are", name);
	for (size_t i = 0; i < t->n_nodes && message.len < 400; i++)
		text_add(&message, "%s %s", i != 0 ? "," : "", t->nodes[i].name);
	refuse(client, text_str(&message));
	text_done(&message);
}

static void let_in(const struct keeper *k, int client, const char *name)
{
	const struct topology *t = k->config.topology;
	size_t i = 0;

	while (i < t->n_nodes && strcmp(t->nodes[i].name, name) != 0)
		i++;
	if (i == t->n_nodes)
		refuse_node(k, client, name);
	else if (k->stopping)
		refuse(client, "it is going down");
	else if (run_let_in(k->config.run, i, client) != 0)
		refuse(client, "its supervisor does not answer");
}

static void stop(struct keeper *k)
{
	if (!k->stopping)
		run_stop(k->config.run);
	k->stopping = true;
}

/* Whether the client stays. */
static bool answer(struct keeper *k, size_t i, const char *request)
{
	struct err e;

	if (strcmp(request, REQUEST_STATUS) == 0) {
		if (send_status(k, k->clients[i], &e) == 0)
			return true;
		note(k, "%s", e.msg);
	} else if (strcmp(request, REQUEST_DOWN) == 0) {
		note(k, "asked to go down");
		stop(k);
		k->waits[i] = true;
		return true;
	} else if (strncmp(request, REQUEST_ENTER, strlen(REQUEST_ENTER)) == 0) {
		let_in(k, k->clients[i], request + strlen(REQUEST_ENTER));
	}
	return false;
}

static bool read_client(struct keeper *k, size_t i)
{
	char request[128];
	ssize_t n = recv(k->clients[i], request, sizeof(request) - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	request[n] = '\0';
	return answer(k, i, request);
}

static void accept_client(struct keeper *k)
{
	int fd = accept4(k->config.listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (!registry_may_talk(fd)) {
		close(fd);
		return;
	}
	/* Whoever has been silent longest has to make room. */
	if (k->n_clients == MAX_CLIENTS)
		drop_client(k, 0);
	k->waits[k->n_clients] = false;
	k->clients[k->n_clients++] = fd;
}

/* ---- the loop ---- */

int keeper_start(const struct keeper_config *config, struct keeper **ret_keeper, struct err *e)
{
	if (listen(config->listener, MAX_CLIENTS) != 0)
		return err_set(e, errno, "listen for those who ask for the lab");
	*ret_keeper = array_new(1, sizeof(**ret_keeper));
	(*ret_keeper)->config = *config;
	return 0;
}

static int wait_for_anything(struct keeper *k, struct pollfd *fds, struct err *e)
{
	sigset_t none;

	sigemptyset(&none);
	fds[0] = (struct pollfd){ .fd = run_fd(k->config.run), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = k->config.listener, .events = POLLIN };
	for (size_t i = 0; i < k->n_clients; i++)
		fds[N_OWN + i] = (struct pollfd){ .fd = k->clients[i], .events = POLLIN };
	if (ppoll(fds, N_OWN + k->n_clients, NULL, &none) >= 0)
		return 0;
	for (size_t i = 0; i < N_OWN + k->n_clients; i++)
		fds[i].revents = 0;
	return errno == EINTR ? 0 : err_set(e, errno, "wait for requests");
}

int keeper_serve(struct keeper *k, struct err *e)
{
	struct pollfd fds[N_OWN + MAX_CLIENTS];

	for (;;) {
		if (wait_for_anything(k, fds, e) != 0 || run_read(k->config.run, e) != 0)
			return -1;
		if (run_caught_signal() != 0)
			k->stopping = true;
		if (run_phase(k->config.run) == RUN_OVER)
			return 0;
		/* From the last to the first, as those that go make others move. */
		for (size_t i = k->n_clients; i > 0; i--)
			if (fds[N_OWN + i - 1].revents != 0 && !read_client(k, i - 1))
				drop_client(k, i - 1);
		if (fds[1].revents != 0)
			accept_client(k);
	}
}

void keeper_free(struct keeper *k, const char *farewell)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n_clients; i++)
		if (k->waits[i])
			refuse(k->clients[i], farewell);
	while (k->n_clients > 0)
		drop_client(k, k->n_clients - 1);
	free(k);
}
