#include "capture/filter.h"

#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

struct packet_filter {
	struct bpf_program program;
};

static int compile(pcap_t *pcap, const char *text, struct bpf_program *ret_program, struct err *e)
{
	if (pcap_compile(pcap, ret_program, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return err_usage(e, "%s", pcap_geterr(pcap));
	return 0;
}

int packet_filter_new(const char *text, unsigned snaplen, struct packet_filter **ret_filter,
		      struct err *e)
{
	struct bpf_program program;
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, (int)snaplen);

	if (pcap == NULL)
		return err_set(e, 0, "libpcap has no memory");

	int r = compile(pcap, text, &program, e);

	pcap_close(pcap);
	if (r != 0)
		return -1;
	*ret_filter = array_new(1, sizeof(**ret_filter));
	(*ret_filter)->program = program;
	return 0;
}

bool packet_filter_match(const struct packet_filter *f, const struct packet *p)
{
	const struct pcap_pkthdr header = { .caplen = p->captured_len, .len = p->original_len };

	return pcap_offline_filter(&f->program, &header, p->data) != 0;
}

void packet_filter_freep(struct packet_filter **f)
{
	if (*f == NULL)
		return;
	pcap_freecode(&(*f)->program);
	free(*f);
	*f = NULL;
}

/* ---- of a plan ---- */

/* The same mistake of many runs is one. */
static void add_problem(struct problems *p, char *message)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->messages[i], message) == 0) {
			free(message);
			return;
		}
	*(char **)array_add(&p->messages, &p->n, &p->room, sizeof(*p->messages)) = message;
}

static void check_filter(const struct topology *t, const struct expectation *x, struct problems *p)
{
	cleanup_by(packet_filter_freep) struct packet_filter *f = NULL;
	struct err e;

	if (x->filter != NULL && packet_filter_new(x->filter, t->capture.snaplen, &f, &e) != 0)
		add_problem(p, text_format("%s:%d: filter '%s' is not understood: %s", t->path,
					   x->filter_line, x->filter, e.msg));
}

int packet_filter_check_plan(const struct plan *plan, struct problems *p)
{
	for (size_t i = 0; i < plan->n_runs; i++) {
		const struct topology *t = plan->runs[i].topology;

		for (size_t k = 0; k < t->n_expectations; k++)
			check_filter(t, &t->expectations[k], p);
	}
	return p->n == 0 ? 0 : -1;
}
