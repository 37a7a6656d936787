#include "flows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scope.h"

struct flows {
	struct flows_config config;
	struct store store;
	struct flow **list;
	size_t n, last;
	uint64_t bad;
};

struct flows *flows_new(const struct flows_config *config)
{
	struct flows *fl = scope_alloc(1, sizeof(*fl));

	fl->config = *config;
	fl->store = folder_store(config->folder);
	fl->list = scope_alloc(config->max_flows, sizeof(*fl->list));
	return fl;
}

static void fail_flow(struct flow *flow, const struct fail *f)
{
	if (!flow->has_failed)
		flow->failed = *f;
	flow->has_failed = true;
}

static void end(struct flows *fl, size_t i)
{
	struct flow *flow = fl->list[i];
	struct fail f;

	if (flow->file != NULL && fl->store.sync(flow->file, &f) != 0)
		fail_flow(flow, &f);
	flow->has_hash = !flow->has_failed;
	if (flow->has_hash)
		(void)digest_end(flow->digest, flow->hash); /* fails only for files */
	fl->config.ended(fl->config.ctx, flow);
	if (flow->file != NULL)
		fl->store.release(flow->file);
	digest_free(flow->digest);
	free(flow);
	fl->list[i] = fl->list[--fl->n];
}

void flows_stop(struct flows *fl)
{
	while (fl->n > 0)
		end(fl, fl->n - 1);
}

void flows_free(struct flows *fl)
{
	if (fl == NULL)
		return;
	flows_stop(fl);
	free(fl->list);
	free(fl);
}

static struct flow *find(struct flows *fl, const struct peer *from)
{
	if (fl->last < fl->n && peer_equal(&fl->list[fl->last]->peer, from))
		return fl->list[fl->last];
	for (size_t i = 0; i < fl->n; i++) {
		if (!peer_equal(&fl->list[i]->peer, from))
			continue;
		fl->last = i;
		return fl->list[i];
	}
	return NULL;
}

static struct flow *add(struct flows *fl, const struct peer *from)
{
	char text[PEER_TEXT_LEN];
	struct fail f;

	if (fl->n == fl->config.max_flows)
		return NULL;

	struct flow *flow = scope_alloc(1, sizeof(*flow));

	flow->peer = *from;
	snprintf(flow->name, sizeof(flow->name), "%s-%u.bin", peer_text(text, from), from->port);
	flow->digest = digest_new();
	if (folder_create_named(fl->config.folder, flow->name, &flow->file, &f) != 0)
		fail_flow(flow, &f);
	fl->list[fl->n++] = flow;
	return flow;
}

void flows_receive(struct flows *fl, const void *datagram, size_t len, const struct peer *from,
		   uint64_t now)
{
	struct flow *flow = find(fl, from);
	struct fail f;

	if (flow == NULL)
		flow = add(fl, from);
	if (flow == NULL) {
		fl->bad++;
		return;
	}
	flow->datagrams++;
	flow->heard = now;
	if (flow->size + len > fl->config.max_size) {
		fail_set(&f, EFBIG, "write '%s'", flow->name);
		fail_flow(flow, &f);
	}
	if (flow->has_failed || len == 0)
		return;
	fl->store.write(flow->file, flow->size, datagram, len);
	digest_add(flow->digest, datagram, len);
	flow->size += len;
}

uint64_t flows_work(struct flows *fl, uint64_t now)
{
	uint64_t wake = UINT64_MAX;

	for (size_t i = 0; i < fl->n;) {
		struct flow *flow = fl->list[i];
		struct fail f;

		if (flow->file != NULL && fl->store.sync(flow->file, &f) != 0)
			fail_flow(flow, &f);
		if (fl->config.idle_ns != 0 && now >= flow->heard + fl->config.idle_ns) {
			end(fl, i);
			continue;
		}
		if (fl->config.idle_ns != 0)
			wake = time_earlier(wake, flow->heard + fl->config.idle_ns);
		i++;
	}
	return wake;
}

uint64_t flows_bad(const struct flows *fl)
{
	return fl->bad;
}
