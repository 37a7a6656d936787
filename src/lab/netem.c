#include "lab/netem.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "lab/netem_options.h"
#include "lab/sandbox.h"

/* More than a table of delays and everything else. */
#define MESSAGE_BYTES 16384

static void socket_freep(struct nl_sock **sock)
{
	nl_socket_free(*sock);
}

static void message_freep(struct nl_msg **m)
{
	nlmsg_free(*m);
}

/* A request about the root qdisc of this interface. */
static int start_message(const char *device, int type, int flags, struct nl_msg **ret_message,
			 struct err *e)
{
	struct tcmsg about = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)if_nametoindex(device),
		.tcm_parent = TC_H_ROOT,
	};
	cleanup_by(message_freep) struct nl_msg *m = nlmsg_alloc_size(MESSAGE_BYTES);

	if (about.tcm_ifindex == 0)
		return err_set(e, errno, "netem: find interface '%s'", device);
	if (m == NULL || nlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) == NULL)
		abort();
	nlmsg_append(m, &about, sizeof(about), NLMSG_ALIGNTO);
	*ret_message = take_ptr(m);
	return 0;
}

static int open_socket(struct nl_sock **ret_socket, struct err *e)
{
	cleanup_by(socket_freep) struct nl_sock *sock = nl_socket_alloc();
	int r = sock != NULL ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r < 0)
		return err_set(e, 0, "netem: open netlink: %s", nl_geterror(r));
	*ret_socket = take_ptr(sock);
	return 0;
}

int netem_apply(const char *device, const struct impairment *i, uint64_t seed, struct err *e)
{
	cleanup_by(socket_freep) struct nl_sock *sock = NULL;
	cleanup_by(message_freep) struct nl_msg *m = NULL;
	struct text options cleanup_by(text_done) = { 0 };

	if (open_socket(&sock, e) != 0 ||
	    start_message(device, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &m, e) != 0)
		return -1;
	netem_add_options(&options, i, seed);
	if (nla_put_string(m, TCA_KIND, "netem") != 0 ||
	    nla_put(m, TCA_OPTIONS, (int)options.len, options.s) != 0)
		return err_set(e, EMSGSIZE, "set netem of '%s'", device);

	int r = nl_send_sync(sock, take_ptr(m));

	/* ENOENT: neither there nor to be loaded, tc_modify_qdisc(). */
	if (r == -NLE_OBJ_NOTFOUND)
		return err_set(e, 0, "this kernel has no netem (sch_netem)");
	if (r < 0)
		return err_set(e, 0, "set netem of '%s': %s", device, nl_geterror(r));
	return 0;
}

/* ---- reading ---- */

/* TCA_STATS2, gnet_stats_copy(9): packets in full only where 32 bits are too few. */
static bool read_statistics(struct nlattr *statistics, struct netem_counters *c)
{
	struct nlattr *a[TCA_STATS_MAX + 1];
	struct gnet_stats_basic basic;
	struct gnet_stats_queue queue;

	if (nla_parse_nested(a, TCA_STATS_MAX, statistics, NULL) < 0 ||
	    a[TCA_STATS_BASIC] == NULL || a[TCA_STATS_QUEUE] == NULL)
		return false;
	nla_memcpy(&basic, a[TCA_STATS_BASIC], sizeof(basic));
	nla_memcpy(&queue, a[TCA_STATS_QUEUE], sizeof(queue));
	c->sent = a[TCA_STATS_PKT64] != NULL ? nla_get_u64(a[TCA_STATS_PKT64]) : basic.packets;
	c->dropped = queue.drops;
	c->held = queue.qlen;
	return true;
}

/* A kernel that takes a seed tells it, behind struct tc_netem_qopt and with the rest. */
static bool has_seed(struct nlattr *options)
{
	const size_t head = NLA_ALIGN(sizeof(struct tc_netem_qopt));
	struct nlattr *a[NETEM_PRNG_SEED + 1];
	char *data = nla_data(options);

	return nla_len(options) > (int)head &&
	       nla_parse(a, NETEM_PRNG_SEED, (struct nlattr *)(data + head),
			 nla_len(options) - (int)head, NULL) >= 0 &&
	       a[NETEM_PRNG_SEED] != NULL;
}

struct answer {
	bool valid;
	struct netem_counters counters;
};

static int read_answer(struct nl_msg *m, void *arg)
{
	struct answer *answer = arg;
	struct nlattr *a[TCA_MAX + 1];

	if (nlmsg_parse(nlmsg_hdr(m), sizeof(struct tcmsg), a, TCA_MAX, NULL) < 0 ||
	    a[TCA_KIND] == NULL || a[TCA_OPTIONS] == NULL || a[TCA_STATS2] == NULL ||
	    strcmp(nla_get_string(a[TCA_KIND]), "netem") != 0)
		return NL_OK;
	answer->valid = read_statistics(a[TCA_STATS2], &answer->counters);
	answer->counters.seeded = has_seed(a[TCA_OPTIONS]);
	return NL_OK;
}

int netem_read(const char *device, struct netem_counters *ret_counters, struct err *e)
{
	cleanup_by(socket_freep) struct nl_sock *sock = NULL;
	cleanup_by(message_freep) struct nl_msg *m = NULL;
	struct answer answer = { 0 };

	/* The kernel answers to who wants an echo, tc_get_qdisc(). */
	if (open_socket(&sock, e) != 0 ||
	    start_message(device, RTM_GETQDISC, NLM_F_ECHO, &m, e) != 0)
		return -1;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, read_answer, &answer);

	int r = nl_send_auto(sock, m);

	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (r < 0)
		return err_set(e, 0, "read netem of '%s': %s", device, nl_geterror(r));
	if (!answer.valid)
		return err_set(e, 0, "read netem of '%s': it has none", device);
	*ret_counters = answer.counters;
	return 0;
}

bool netem_available(struct err *why)
{
	const struct impairment clean = { 0 };
	struct sandbox s;
	struct err e = { 0 };
	int who = sandbox_fork(&s, why);

	if (who < 0)
		return false;
	if (who == 0) {
		bool works = sandbox_enter(&s, &e) == 0 && netem_apply("lo", &clean, 0, &e) == 0;

		_exit(fs_write_fd(s.control, &e, sizeof(e), &e) == 0 && works ? 0 : 1);
	}

	int status = -1;
	ssize_t n = read(s.control, why, sizeof(*why));

	waitpid(s.pid, &status, 0);
	sandbox_done(&s);
	if (n != sizeof(*why))
		err_set(why, 0, "netem: the attempt gave no answer");
	return status == 0;
}
