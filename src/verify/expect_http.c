/* Expectations of HTTP answers: what http.h found in captures, judged. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "verify/expect.h"
#include "verify/http.h"

/* The sums of all captures, and what the first of them has to tell. */
struct found {
	struct http_tally sum;
	uint64_t most, fewest;		    /* right answers of one capture */
	struct text each;		    /* of all of them */
	const char *wrong_path, *lost_path; /* of the captures that those are of */
	bool dropped;			    /* packets are missing in the captures */
	char *gap;			    /* why there may have been more; NULL: there were not */
};

static void add_tally(struct found *f, const struct http_tally *t, const char *path)
{
	struct http_tally *s = &f->sum;

	f->most = t->right > f->most ? t->right : f->most;
	f->fewest = t->right < f->fewest ? t->right : f->fewest;
	text_add(&f->each, "%s%" PRIu64, f->each.len != 0 ? ", " : "", t->right);
	s->right += t->right;
	s->right_bytes += t->right_bytes;
	s->wrong += t->wrong;
	s->lost += t->lost;
	s->left += t->left;
	s->open += t->open;
	s->other += t->other;
	s->unread += t->unread;
	s->unseen += t->unseen;
	if (s->first_unread == NULL)
		s->first_unread = t->first_unread;
	if (s->first_wrong == NULL && t->first_wrong != NULL) {
		s->first_wrong = t->first_wrong;
		s->filter_wrong = t->filter_wrong;
		f->wrong_path = path;
	}
	if (s->first_lost == NULL && t->first_lost != NULL) {
		s->first_lost = t->first_lost;
		s->filter_lost = t->filter_lost;
		f->lost_path = path;
	}
}

/* The same as what is not there, or cannot be compared, may be wrong. */
static char *find_gap(const struct expecting *x, const struct http_tally *sum, const char *gap)
{
	if (gap != NULL)
		return text_dup(gap);
	if (sum->unseen != 0 && x->trial->topology->capture.kind == CAPTURE_HEADERS)
		return text_dup("captures of headers prove no bodies: record full packets");
	if (sum->unseen != 0)
		return text_format("bytes of %" PRIu64 " connections are not in the capture",
				   sum->unseen);
	if (sum->unread != 0)
		return text_format("%" PRIu64 " could not be compared, the first %s", sum->unread,
				   sum->first_unread);
	return NULL;
}

static void add_count(struct text *t, uint64_t n, const char *what)
{
	if (n != 0)
		text_add(t, "; %" PRIu64 " %s", n, what);
}

static void add_gap(struct text *t, enum outcome o, const struct found *f)
{
	if (o == OUTCOME_INCONCLUSIVE)
		text_add(t, ", and there may have been others (%s)", f->gap);
}

static char *command_of(const char *path, const char *filter)
{
	return text_format("tcpdump -n -tttt -X -r '%s' '%s'", path, filter);
}

static void judge_responses(const struct condition *c, const struct found *f,
			    struct condition_verdict *v)
{
	const struct http_tally *s = &f->sum;
	enum outcome o = s->wrong != 0 ? OUTCOME_FAIL
				       : expect_amount(&c->amount, s->right, f->gap != NULL);
	struct text t = { 0 };
	char bytes[16];

	/* What may be wrong among those is not proven right. */
	if (o == OUTCOME_PASS && f->gap != NULL)
		o = OUTCOME_INCONCLUSIVE;
	if (s->wrong != 0)
		text_add(&t, "%" PRIu64 " wrong, the first %s; ", s->wrong, s->first_wrong);
	text_add(&t, "%" PRIu64 " right, %s", s->right, text_bytes(bytes, s->right_bytes));
	add_count(&t, s->other, "with another status than 200 or 206");
	add_gap(&t, o, f);
	expect_set(v, o, "%s", text_str(&t));
	text_done(&t);
	if (s->filter_wrong != NULL)
		v->look = command_of(f->wrong_path, s->filter_wrong);
}

/* That some may be lost is no reason not to say that they were, and how. */
static void note_lost(const struct expecting *x, const struct condition_verdict *v)
{
	run_verdict_note(x->trial->verdict, text_format("expect %s allows for what was lost: %s",
							x->expectation->name, v->found));
}

static void judge_lost(const struct expecting *x, const struct condition *c, const struct found *f,
		       struct condition_verdict *v)
{
	const struct http_tally *s = &f->sum;
	enum outcome o = expect_amount(&c->amount, s->lost, f->gap != NULL);
	struct text t = { 0 };

	/* Their answers may be among what was not captured. */
	if (o == OUTCOME_FAIL && f->dropped)
		o = OUTCOME_INCONCLUSIVE;
	text_add(&t, "%" PRIu64 " request%s", s->lost, s->lost == 1 ? "" : "s");
	if (s->first_lost != NULL)
		text_add(&t, ", the first %s", s->first_lost);
	add_count(&t, s->left, "that their client did not wait for");
	add_count(&t, s->open, "that were under way at the end");
	add_gap(&t, o, f);
	expect_set(v, o, "%s", text_str(&t));
	text_done(&t);
	if (o == OUTCOME_PASS && s->lost != 0)
		note_lost(x, v);
	else if (s->filter_lost != NULL)
		v->look = command_of(f->lost_path, s->filter_lost);
}

/* Those of the other block were counted before. */
static void judge_lost_in(const struct expecting *x, const struct found *f,
			  struct condition_verdict *v)
{
	const struct run_verdict *all = x->trial->verdict;
	const struct expectation_verdict *there = &all->expectations[x->expectation->lost_in];
	const struct amount at_most = { 0, there->lost };
	enum outcome o = expect_amount(&at_most, f->sum.lost, f->gap != NULL);

	if (o == OUTCOME_FAIL && (f->dropped || there->lost_open))
		o = OUTCOME_INCONCLUSIVE;
	expect_set(v, o, "%" PRIu64 " request%s, and %" PRIu64 " there%s", f->sum.lost,
		   f->sum.lost == 1 ? "" : "s", there->lost,
		   o == OUTCOME_INCONCLUSIVE ? ", and there may have been more" : "");
	if (o != OUTCOME_PASS && f->sum.filter_lost != NULL)
		v->look = command_of(f->lost_path, f->sum.filter_lost);
}

static void judge_spread(const struct condition *c, const struct found *f,
			 struct condition_verdict *v)
{
	uint64_t spread = f->most - f->fewest;
	/* What is missing may be at either end. */
	enum outcome o = f->gap != NULL ? OUTCOME_INCONCLUSIVE
					: expect_amount(&c->amount, spread, false);
	struct text t = { 0 };

	text_add(&t, "%" PRIu64 " answer%s (%s)", spread, spread == 1 ? "" : "s",
		 text_str(&f->each));
	add_gap(&t, o, f);
	expect_set(v, o, "%s", text_str(&t));
	text_done(&t);
}

static void judge_condition(const struct expecting *x, const struct condition *c,
			    const struct found *f, struct condition_verdict *v)
{
	if (c->kind == EXPECT_RESPONSES)
		judge_responses(c, f, v);
	else if (c->kind == EXPECT_LOST)
		judge_lost(x, c, f, v);
	else if (c->kind == EXPECT_LOST_IN)
		judge_lost_in(x, f, v);
	else
		judge_spread(c, f, v);
}

bool expect_is_http(const struct expectation *e, const struct condition *c)
{
	return c->kind == EXPECT_RESPONSES || c->kind == EXPECT_LOST || c->kind == EXPECT_LOST_IN ||
	       (c->kind == EXPECT_SPREAD && e->http != NULL);
}

void expect_judge_http(const struct expecting *x, const struct http_tally *const *tallies,
		       char *const *paths, size_t n, const char *gap)
{
	struct found f = { .fewest = UINT64_MAX };

	for (size_t i = 0; i < n; i++)
		add_tally(&f, tallies[i], paths[i]);

	cleanup_free char *why = find_gap(x, &f.sum, gap);

	f.gap = why;
	f.dropped = gap != NULL;
	x->verdict->lost = f.sum.lost;
	x->verdict->lost_open = why != NULL;
	for (size_t i = 0; i < x->expectation->n_conditions; i++) {
		const struct condition *c = &x->expectation->conditions[i];

		if (expect_is_http(x->expectation, c))
			judge_condition(x, c, &f, &x->verdict->conditions[i]);
	}
	text_done(&f.each);
}
