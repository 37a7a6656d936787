#include "shrink/ddmin.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

/* An answer that is known: ascending numbers, and whether it failed. */
struct known {
	size_t *set;
	size_t n;
	bool failed;
};

struct search {
	ddmin_test *fails;
	void *arg;
	size_t n_tests, max_tests;
	struct known *known;
	size_t n_known, known_room;
	size_t *set; /* that fails; shrinks */
	size_t n;
	size_t *trial; /* room for as many */
	size_t n_trial;
	bool asked_again; /* each set with one taken away */
};

static void search_done(struct search *s)
{
	for (size_t i = 0; i < s->n_known; i++)
		free(s->known[i].set);
	free(s->known);
	free(s->set);
	free(s->trial);
}

static const struct known *find_known(const struct search *s)
{
	for (size_t i = 0; i < s->n_known; i++)
		if (s->known[i].n == s->n_trial &&
		    memcmp(s->known[i].set, s->trial, s->n_trial * sizeof(*s->trial)) == 0)
			return &s->known[i];
	return NULL;
}

static void remember(struct search *s, bool failed)
{
	struct known *k = array_add(&s->known, &s->n_known, &s->known_room, sizeof(*k));

	k->set = array_new(s->n_trial, sizeof(*k->set));
	memcpy(k->set, s->trial, s->n_trial * sizeof(*k->set));
	k->n = s->n_trial;
	k->failed = failed;
}

/*
 * Forget, once, that the sets with one taken away passed: the failure may have stayed away by luck,
 * and then more would be called necessary than is. False: they were asked twice.
 */
static bool ask_again(struct search *s)
{
	size_t kept = 0;

	if (s->asked_again)
		return false;
	for (size_t i = 0; i < s->n_known; i++)
		if (s->known[i].failed || s->known[i].n != s->n - 1)
			s->known[kept++] = s->known[i];
		else
			free(s->known[i].set);
	s->n_known = kept;
	s->asked_again = true;
	return true;
}

static bool is_spent(const struct search *s)
{
	return s->n_tests >= s->max_tests;
}

/* 1: the trial fails. What is known is not asked: a run takes long. */
static int test_trial(struct search *s, struct err *e)
{
	const struct known *k = find_known(s);
	int failed;

	if (k != NULL)
		return k->failed;
	if (is_spent(s) || s->n_trial == 0)
		return 0;
	s->n_tests++;
	failed = s->fails(s->arg, s->trial, s->n_trial, e);
	if (failed >= 0)
		remember(s, failed);
	return failed;
}

/* Where part number i of k begins: parts differ by one at most. */
static size_t part_begin(size_t n, size_t i, size_t k)
{
	return n / k * i + (i < n % k ? i : n % k);
}

static void take_part(struct search *s, size_t begin, size_t end)
{
	s->n_trial = end - begin;
	memcpy(s->trial, s->set + begin, s->n_trial * sizeof(*s->trial));
}

static void take_complement(struct search *s, size_t begin, size_t end)
{
	s->n_trial = s->n - (end - begin);
	memcpy(s->trial, s->set, begin * sizeof(*s->trial));
	memcpy(s->trial + begin, s->set + end, (s->n - end) * sizeof(*s->trial));
}

/* Look for a part, or the rest without a part, that fails; if so the trial becomes the set. */
static int reduce(struct search *s, size_t k, void (*take)(struct search *, size_t, size_t),
		  struct err *e)
{
	for (size_t i = 0; i < k; i++) {
		take(s, part_begin(s->n, i, k), part_begin(s->n, i + 1, k));

		int failed = test_trial(s, e);

		if (failed < 0)
			return -1;
		if (failed == 0)
			continue;
		memcpy(s->set, s->trial, s->n_trial * sizeof(*s->set));
		s->n = s->n_trial;
		s->asked_again = false;
		return 1;
	}
	return 0;
}

static int search(struct search *s, struct err *e)
{
	size_t k = 2;

	while (s->n >= 2 && !is_spent(s)) {
		int reduced = reduce(s, k, take_part, e);

		if (reduced > 0) {
			k = 2;
			continue;
		}
		/* With two parts each is the other's complement. */
		if (reduced == 0 && k > 2)
			reduced = reduce(s, k, take_complement, e);
		if (reduced < 0)
			return -1;
		if (reduced > 0)
			k = k > 3 ? k - 1 : 2;
		else if (k < s->n)
			k = 2 * k < s->n ? 2 * k : s->n;
		else if (!ask_again(s))
			return 0;
	}
	return 0;
}

/* Whether every set with one taken away is known not to fail. */
static bool is_minimal(struct search *s)
{
	for (size_t i = 0; s->n > 1 && i < s->n; i++) {
		take_complement(s, i, i + 1);

		const struct known *k = find_known(s);

		if (k == NULL || k->failed)
			return false;
	}
	return true;
}

int ddmin(size_t n, size_t max_tests, ddmin_test *fails, void *arg, struct ddmin_result *ret_result,
	  struct err *e)
{
	cleanup_by(search_done) struct search s = {
		.fails = fails,
		.arg = arg,
		.max_tests = max_tests,
		.set = array_new(n, sizeof(*s.set)),
		.n = n,
		.trial = array_new(n, sizeof(*s.trial)),
	};

	for (size_t i = 0; i < n; i++)
		s.set[i] = i;
	if (search(&s, e) != 0)
		return -1;
	*ret_result = (struct ddmin_result){ .n_tests = s.n_tests,
					     .minimal = is_minimal(&s),
					     .n_left = s.n };
	ret_result->left = take_ptr(s.set);
	return 0;
}
