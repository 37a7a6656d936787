/*
 * Mutated topologies: whatever a file says, it is accepted or refused with its mistakes, and never
 * ends the parser.
 *
 * Each mutant is made of a file of topologies/ or tests/unit/topology/ by a few changes that follow
 * from its seed: bits, lines, blocks and words of all the others. MUTATIONS says how many (3000 by
 * default), MUTATION_SEED which is the first. A failure prints the seed that repeats it, and the
 * mutant stays in a file: MUTATIONS=1 MUTATION_SEED=N.
 */
#include <glob.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "link/mix.h"
#include "topology/plan.h"
#include "topology/write.h"

/* Longer than any mutant takes under sanitizers on a busy machine. */
#define MUTANT_SECONDS 60
#define MAX_TEXT       (1 << 20)
/* Of a plan with many runs these are written and read again. */
#define MAX_WRITTEN 3

struct source {
	char *path;
	char *text;
	size_t len;
};

struct word {
	const char *s;
	size_t len;
};

static struct {
	struct source *sources;
	size_t n_sources, sources_room;
	size_t n_good; /* so many of them, the first, are good topologies */
	struct word *words;
	size_t n_words, words_room;
} corpus;

/* ---- the corpus ---- */

static const char delimiters[] = " \t\r\n{}=,";

static void add_words(const char *text)
{
	for (const char *s = text; *s != '\0';) {
		size_t len = strcspn(s, delimiters);

		if (len > 0)
			*(struct word *)array_add(&corpus.words, &corpus.n_words,
						  &corpus.words_room,
						  sizeof(struct word)) = (struct word){ s, len };
		s += len > 0 ? len : 1;
	}
}

static void add_sources(const char *pattern)
{
	glob_t g;
	struct err e;

	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct source *s = array_add(&corpus.sources, &corpus.n_sources,
					     &corpus.sources_room, sizeof(*s));

		s->path = text_dup(g.gl_pathv[i]);
		assert_int_equal(fs_read(s->path, MAX_TEXT, &s->text, &s->len, &e), 0);
		add_words(s->text);
	}
	globfree(&g);
}

/* ---- chance ---- */

static uint64_t draw(uint64_t *state, uint64_t n)
{
	*state += MIX_STEP;
	return n == 0 ? 0 : mix(*state) % n;
}

static const struct source *any_source(uint64_t *state)
{
	return &corpus.sources[draw(state, corpus.n_sources)];
}

/* ---- changes ---- */

/* The len bytes at this place give way to these. */
static void replace(struct text *t, size_t at, size_t len, const char *bytes, size_t n)
{
	struct text made = { 0 };

	text_add_bytes(&made, t->s, at);
	text_add_bytes(&made, bytes, n);
	text_add_bytes(&made, t->s + at + len, t->len - at - len);
	text_done(t);
	*t = made;
}

static size_t line_begin(const struct text *t, size_t at)
{
	while (at > 0 && t->s[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_len(const struct text *t, size_t begin)
{
	const char *end = memchr(t->s + begin, '\n', t->len - begin);

	return end != NULL ? (size_t)(end - t->s) + 1 - begin : t->len - begin;
}

static struct word any_line(const struct text *t, uint64_t *state)
{
	size_t begin = line_begin(t, draw(state, t->len));

	return (struct word){ t->s + begin, line_len(t, begin) };
}

/* From the '{' at or behind this place to the '}' that closes it, with the line it begins in. */
static struct word block_behind(const char *text, size_t len, size_t at)
{
	const char *open = memchr(text + at, '{', len - at);
	const char *begin = open, *end;
	int depth = 0;

	if (open == NULL)
		return (struct word){ text + at, len - at };
	while (begin > text && begin[-1] != '\n')
		begin--;
	for (end = open; end < text + len; end++) {
		depth += *end == '{' ? 1 : *end == '}' ? -1 : 0;
		if (depth == 0) {
			end++;
			break;
		}
	}
	return (struct word){ begin, (size_t)(end - begin) };
}

static void flip_bit(struct text *t, uint64_t *state)
{
	t->s[draw(state, t->len)] ^= (char)(1 << draw(state, 8));
}

static void set_byte(struct text *t, uint64_t *state)
{
	static const char bytes[] = "{}=\"'\\,%#/*()+ \n\r\t\0\x7f\xc3\xff-.:19";

	t->s[draw(state, t->len)] = bytes[draw(state, sizeof(bytes) - 1)];
}

static void cut_end(struct text *t, uint64_t *state)
{
	replace(t, draw(state, t->len), 0, "", 0);
	t->len = draw(state, t->len);
	t->s[t->len] = '\0';
}

static void remove_bytes(struct text *t, uint64_t *state)
{
	size_t at = draw(state, t->len);
	size_t most = t->len - at;

	replace(t, at, 1 + draw(state, most < 64 ? most : 64), "", 0);
}

static void swap_lines(struct text *t, uint64_t *state)
{
	struct word a = any_line(t, state), b = any_line(t, state);
	struct word first = a.s < b.s ? a : b, second = a.s < b.s ? b : a;
	struct text made = { 0 };

	if (first.s == second.s)
		return;
	text_add_bytes(&made, t->s, (size_t)(first.s - t->s));
	text_add_bytes(&made, second.s, second.len);
	text_add_bytes(&made, first.s + first.len, (size_t)(second.s - first.s) - first.len);
	text_add_bytes(&made, first.s, first.len);
	text_add_bytes(&made, second.s + second.len,
		       t->len - (size_t)(second.s - t->s) - second.len);
	text_done(t);
	*t = made;
}

static void remove_line(struct text *t, uint64_t *state)
{
	struct word line = any_line(t, state);

	replace(t, (size_t)(line.s - t->s), line.len, "", 0);
}

/* A line of another file, where a line begins. */
static void insert_line(struct text *t, uint64_t *state)
{
	const struct source *s = any_source(state);
	const struct text from = { .s = s->text, .len = s->len };

	if (s->len == 0)
		return;

	struct word line = any_line(&from, state);

	replace(t, line_begin(t, draw(state, t->len)), 0, line.s, line.len);
}

static void double_block(struct text *t, uint64_t *state)
{
	struct word block = block_behind(t->s, t->len, draw(state, t->len));
	cleanup_free char *copy = text_format("%.*s\n", (int)block.len, block.s);

	replace(t, line_begin(t, draw(state, t->len)), 0, copy, strlen(copy));
}

/* A block of another file, with what it needs missing, most likely. */
static void insert_block(struct text *t, uint64_t *state)
{
	const struct source *s = any_source(state);

	if (s->len == 0)
		return;

	struct word block = block_behind(s->text, s->len, draw(state, s->len));
	cleanup_free char *copy = text_format("%.*s\n", (int)block.len, block.s);

	replace(t, line_begin(t, draw(state, t->len)), 0, copy, strlen(copy));
}

/* The word at or behind a place, empty at the end. */
static struct word word_behind(const struct text *t, size_t at)
{
	at += strspn(t->s + at, delimiters);
	return (struct word){ t->s + at, strcspn(t->s + at, delimiters) };
}

static void change_word(struct text *t, uint64_t *state)
{
	struct word old = word_behind(t, draw(state, t->len));
	struct word new = corpus.words[draw(state, corpus.n_words)];

	replace(t, (size_t)(old.s - t->s), old.len, new.s, new.len);
}

static void change_number(struct text *t, uint64_t *state)
{
	static const char *const numbers[] = {
		"0",
		"-1",
		"1",
		"255",
		"256",
		"65535",
		"65536",
		"2147483647",
		"2147483648",
		"4294967295",
		"4294967296",
		"9223372036854775807",
		"9223372036854775808",
		"18446744073709551615",
		"18446744073709551616",
		"1e308",
		"1e999",
		"0.0000000001",
		"99999999999999999999999999999999999999999999999999",
		"00",
		"0x10",
		".",
		"1.",
		"nan",
		"inf",
	};
	const char *number = numbers[draw(state, sizeof(numbers) / sizeof(numbers[0]))];
	size_t at = draw(state, t->len);

	at += strcspn(t->s + at, "0123456789");
	replace(t, at, strspn(t->s + at, "0123456789"), number, strlen(number));
}

/* The same piece many times over: deep nesting, long words, long lists. */
static void repeat_piece(struct text *t, uint64_t *state)
{
	size_t at = draw(state, t->len);
	size_t most = t->len - at < 40 ? t->len - at : 40;
	size_t len = 1 + draw(state, most), n = 2 + draw(state, 300);
	struct text pieces = { 0 };

	for (size_t i = 0; i < n; i++)
		text_add_bytes(&pieces, t->s + at, len);
	replace(t, at, len, pieces.s, pieces.len);
	text_done(&pieces);
}

static void (*const changes[])(struct text *t, uint64_t *state) = {
	flip_bit,    set_byte,	  cut_end,	 remove_bytes,	swap_lines,
	remove_line, insert_line, insert_line,	 double_block,	insert_block,
	change_word, change_word, change_word,	 change_word,	change_word,
	change_word, change_word, change_number, change_number, repeat_piece,
};

/* ---- mutants ---- */

/* Most are of good files: what is wrong with the others hides what comes behind it. */
static const struct source *make_mutant(uint64_t seed, struct text *t)
{
	uint64_t state = mix(seed);
	bool good = draw(&state, 4) > 0;
	const struct source *s = good ? &corpus.sources[draw(&state, corpus.n_good)]
				      : any_source(&state);
	size_t n = 1 + draw(&state, 1 + draw(&state, 8));

	text_add_bytes(t, s->text, s->len);
	for (size_t i = 0; i < n && t->len > 0 && t->len < MAX_TEXT; i++)
		changes[draw(&state, sizeof(changes) / sizeof(changes[0]))](t, &state);
	return s;
}

static bool is_read_again(const struct topology *topology)
{
	cleanup_free char *text = topology_write(topology, NULL);
	struct problems p = { 0 };
	struct plan *plan = NULL;
	int r = plan_parse("again.conf", text, strlen(text), &plan, &p);

	if (r != 0)
		print_error("written again, it is refused: %s\n%s", p.messages[0], text);
	problems_done(&p);
	plan_free(plan);
	return r == 0;
}

static bool parse_mutant(const struct source *s, const struct text *t, bool *ret_good)
{
	struct problems p = { 0 };
	cleanup_by(plan_freep) struct plan *plan = NULL;
	int r = plan_parse(s->path, text_str(t), t->len, &plan, &p);
	bool sane = r == 0 ? p.n == 0 && plan != NULL : p.n > 0 && plan == NULL;

	for (size_t i = 0; i < p.n; i++)
		sane = sane && strncmp(p.messages[i], s->path, strlen(s->path)) == 0 &&
		       strchr(p.messages[i], '\n') == NULL;
	problems_done(&p);
	*ret_good = r == 0;
	for (size_t i = 0; r == 0 && i < plan->n_runs && i < MAX_WRITTEN; i++)
		sane = sane && is_read_again(plan->runs[i].topology);
	return sane;
}

/* What the child that parses tells its parent, whatever becomes of it. */
struct progress {
	uint64_t seed;
	uint64_t n_good;
};

static void parse_mutants(uint64_t first, uint64_t n, struct progress *progress)
{
	for (uint64_t seed = first; seed < first + n; seed++) {
		struct text t = { 0 };
		const struct source *s = make_mutant(seed, &t);
		bool good;

		progress->seed = seed;
		alarm(MUTANT_SECONDS);
		if (!parse_mutant(s, &t, &good))
			_exit(1);
		progress->n_good += good;
		text_done(&t);
	}
	_exit(0);
}

static void keep_mutant(uint64_t seed)
{
	char path[] = "/tmp/mutant.XXXXXX";
	cleanup_close int fd = mkstemp(path);
	struct text t = { 0 };
	struct err e;

	make_mutant(seed, &t);
	if (fd >= 0 && fs_write_fd(fd, text_str(&t), t.len, &e) == 0)
		print_error("it is %s; again: MUTATIONS=1 MUTATION_SEED=%llu\n", path,
			    (unsigned long long)seed);
	text_done(&t);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

static void mutants_are_accepted_or_refused(void **state)
{
	uint64_t first = from_environment("MUTATION_SEED", 1);
	uint64_t n = from_environment("MUTATIONS", 3000);
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(progress, MAP_FAILED);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		parse_mutants(first, n, progress);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	print_message("mutants of %zu files, seeds %llu to %llu: %llu were good topologies\n",
		      corpus.n_sources, (unsigned long long)first,
		      (unsigned long long)(first + n - 1), (unsigned long long)progress->n_good);
	if (status != 0) {
		print_error("seed %llu: %s\n", (unsigned long long)progress->seed,
			    WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
						: "not as it should be");
		keep_mutant(progress->seed);
	}
	munmap(progress, sizeof(*progress));
	assert_int_equal(status, 0);
}

/* Else it would only be said again and again that some file has a mistake. Leaks show here, too. */
static void some_mutants_are_good(void **state)
{
	uint64_t n_good = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct text t = { 0 };
		bool good;

		assert_true(parse_mutant(make_mutant(seed, &t), &t, &good));
		n_good += good;
		text_done(&t);
	}
	assert_in_range(n_good, 3, 200);
}

static int read_corpus(void **state)
{
	char path[] = __FILE__;

	(void)state;
	/* __FILE__ is as the compiler was told: tests/unit/test_topology_mutants.c. */
	if (chdir(dirname(path)) != 0 || chdir("../..") != 0)
		return -1;
	add_sources("topologies/*.conf");
	corpus.n_good = corpus.n_sources;
	add_sources("tests/unit/topology/*.conf");
	return 0;
}

static int forget_corpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < corpus.n_sources; i++) {
		free(corpus.sources[i].path);
		free(corpus.sources[i].text);
	}
	free(corpus.sources);
	free(corpus.words);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutants_are_accepted_or_refused),
		cmocka_unit_test(some_mutants_are_good),
	};

	return cmocka_run_group_tests(tests, read_corpus, forget_corpus);
}
