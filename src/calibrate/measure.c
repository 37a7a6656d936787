#include "calibrate/measure.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/stats.h"

/* How long a frame waits at least where there is a queue: half of what it mostly is, or this. */
#define SURE_NS 100000.0
/* Frames of one look at the rate. */
#define WINDOW 64

void seen_add(struct seen_list *l, const struct seen *s)
{
	*(struct seen *)array_add(&l->s, &l->n, &l->room, sizeof(*s)) = *s;
}

void seen_done(struct seen_list *l)
{
	free(l->s);
	*l = (struct seen_list){ 0 };
}

/* One number, at both sides. */
struct crossing {
	uint64_t sent_ns, arrived_ns; /* 0: never */
	uint64_t hash;
	unsigned copies;
	bool corrupted;
};

struct crossings {
	struct crossing *c; /* by number */
	size_t n;	    /* one more than the largest number */
};

static void note_entrance(struct crossings *x, const struct seen_list *entrance)
{
	for (size_t i = 0; i < entrance->n; i++)
		if (entrance->s[i].number >= x->n)
			x->n = entrance->s[i].number + 1;
	x->c = array_new(x->n, sizeof(*x->c));
	for (size_t i = 0; i < entrance->n; i++) {
		const struct seen *s = &entrance->s[i];
		struct crossing *c = &x->c[s->number];

		if (s->number == 0 || c->sent_ns != 0)
			continue;
		c->sent_ns = s->time_ns;
		c->hash = s->hash;
	}
}

static void note_exit(struct crossings *x, const struct seen_list *exit, struct measured *m)
{
	for (size_t i = 0; i < exit->n; i++) {
		const struct seen *s = &exit->s[i];
		struct crossing *c = s->number < x->n ? &x->c[s->number] : NULL;

		if (s->number == 0)
			continue;
		if (c == NULL || c->sent_ns == 0) {
			m->strange++;
			continue;
		}
		c->corrupted |= s->hash != c->hash;
		if (c->copies++ == 0)
			c->arrived_ns = s->time_ns;
	}
}

/* Who arrives before one with a smaller number has overtaken it. */
static uint64_t count_overtaking(const struct crossings *x)
{
	uint64_t n = 0, last_ns = 0;

	for (size_t i = 1; i < x->n; i++) {
		if (x->c[i].copies == 0)
			continue;
		n += x->c[i].arrived_ns < last_ns;
		if (x->c[i].arrived_ns > last_ns)
			last_ns = x->c[i].arrived_ns;
	}
	return n;
}

static double delay_of(const struct crossing *c)
{
	return (double)c->arrived_ns - (double)c->sent_ns;
}

static void count(const struct crossings *x, double early_ns, struct measured *m)
{
	m->delays = array_new(x->n, sizeof(*m->delays));
	for (size_t i = 1; i < x->n; i++) {
		const struct crossing *c = &x->c[i];

		m->sent += c->sent_ns != 0;
		if (c->copies == 0)
			continue;
		m->arrived++;
		m->duplicated += c->copies > 1;
		m->corrupted += c->corrupted;
		if (delay_of(c) < early_ns)
			m->early++;
		else
			m->delays[m->n_delays++] = delay_of(c);
	}
	stats_sort(m->delays, m->n_delays);
}

static double late_median(const struct crossings *x)
{
	cleanup_free double *late = array_new(x->n, sizeof(*late));
	size_t n = 0;

	for (size_t i = x->n / 2; i < x->n; i++)
		if (i != 0 && x->c[i].copies != 0)
			late[n++] = delay_of(&x->c[i]);
	stats_sort(late, n);
	return n != 0 ? stats_quantile(late, n, 0.5) : 0;
}

/* Frames that came out one behind the other, and how long that took. */
struct window {
	uint64_t bits, ns;
	size_t n;
};

static void window_end(struct window *w, double *rates, size_t *n)
{
	if (w->ns != 0)
		rates[(*n)++] = (double)w->bits * 1e9 / (double)w->ns;
	*w = (struct window){ 0 };
}

/*
 * Only what came out behind a queue tells the rate: when those who send were kept from it for
 * longer than the queue lasted, the link had nothing to do. And only many short looks do, since a
 * machine that stands still for a moment belies one of them, and not their median.
 */
static double rate_of(const struct crossings *x, const struct seen_list *exit,
		      const struct measured *m)
{
	double least = m->n_delays != 0 ? m->delays[0] : 0;
	double usual = m->n_delays != 0 ? stats_quantile(m->delays, m->n_delays, 0.5) : 0;
	double queued = least + (usual - least > 2 * SURE_NS ? SURE_NS : (usual - least) / 2);
	cleanup_free double *rates = array_new(exit->n / WINDOW + 1, sizeof(*rates));
	struct window w = { 0 };
	uint64_t last_ns = 0;
	size_t n = 0;

	for (size_t i = 0; i < exit->n; i++) {
		const struct seen *s = &exit->s[i];

		if (s->number == 0)
			continue;
		if (last_ns != 0 && s->number < x->n &&
		    (double)s->time_ns - (double)x->c[s->number].sent_ns >= queued) {
			w.bits += 8 * (uint64_t)s->len;
			w.ns += s->time_ns - last_ns;
			if (++w.n == WINDOW)
				window_end(&w, rates, &n);
		}
		last_ns = s->time_ns;
	}
	if (n == 0)
		window_end(&w, rates, &n);
	stats_sort(rates, n);
	return n != 0 ? stats_quantile(rates, n, 0.5) : 0;
}

void measure(const struct seen_list *entrance, const struct seen_list *exit, double early_ns,
	     struct measured *ret_measured)
{
	struct crossings x = { .n = 1 };
	struct measured m = { 0 };

	note_entrance(&x, entrance);
	note_exit(&x, exit, &m);
	m.overtook = count_overtaking(&x);
	count(&x, early_ns, &m);
	m.late_median_ns = late_median(&x);
	m.rate_bps = rate_of(&x, exit, &m);
	free(x.c);
	*ret_measured = m;
}

void measured_done(struct measured *m)
{
	free(m->delays);
	m->delays = NULL;
}
