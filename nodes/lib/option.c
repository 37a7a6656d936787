#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scope.h"

#define EXIT_USAGE 2

/* ---- the command line ---- */

static int answer(const struct option_set *set, int opt)
{
	if (opt == OPT_HELP)
		printf("%s", set->help);
	else
		printf("%s %s\n", set->program, HARNESS_VERSION);
	return fflush(stdout) == 0 ? 0 : 1;
}

int options_read(const struct option_set *set, void *object, int argc, char **argv, int *ret_status)
{
	struct fail f;
	int opt, index = 0;

	*ret_status = EXIT_USAGE;
	while ((opt = getopt_long(argc, argv, "", set->options, &index)) != -1) {
		if (opt == '?')
			return -1;
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			*ret_status = answer(set, opt);
			return -1;
		}
		if (set->set(object, opt, &f) != 0) {
			fprintf(stderr, "%s: --%s: %s\n", set->program, set->options[index].name,
				f.msg);
			return -1;
		}
	}
	return 0;
}

int options_refuse_rest(const struct option_set *set, int argc, char **argv)
{
	if (optind == argc)
		return 0;
	fprintf(stderr, "%s: '%s' is not an option (see --help)\n", set->program, argv[optind]);
	return -1;
}

int options_complain(const struct option_set *set, const char *mistake)
{
	fprintf(stderr, "%s: %s (see --help)\n", set->program, mistake);
	return -1;
}

/* ---- values ---- */

struct unit {
	const char *name;
	double factor;
};

int option_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret, struct fail *f)
{
	char *end;

	errno = 0;

	unsigned long long v = strtoull(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0)
		return fail_set(f, 0, "'%s' is not a whole number", text);
	if (v < least || v > most)
		return fail_set(f, 0, "%s is not between %llu and %llu", text,
				(unsigned long long)least, (unsigned long long)most);
	*ret = v;
	return 0;
}

/* A decimal number that is not negative, times its unit. */
static int with_unit(const char *text, const struct unit *units, size_t n, double *ret)
{
	char *end;
	double v = strtod(text, &end);

	if (!isdigit((unsigned char)*text) || !isfinite(v))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(end, units[i].name) != 0)
			continue;
		*ret = v * units[i].factor;
		return *ret < 1e18 ? 0 : -1;
	}
	return -1;
}

int option_rate(const char *text, uint64_t *ret_bps, struct fail *f)
{
	static const struct unit units[] = {
		{ "", 1 }, { "bit", 1 }, { "kbit", 1e3 }, { "mbit", 1e6 }, { "gbit", 1e9 },
	};
	double bps;

	if (with_unit(text, units, sizeof(units) / sizeof(units[0]), &bps) != 0 || bps < 1)
		return fail_set(f, 0, "'%s' is not a rate such as 100mbit", text);
	*ret_bps = (uint64_t)bps;
	return 0;
}

int option_size(const char *text, uint64_t *ret_bytes, struct fail *f)
{
	static const struct unit units[] = {
		{ "", 1 },	    { "B", 1 },
		{ "kB", 1e3 },	    { "MB", 1e6 },
		{ "GB", 1e9 },	    { "TB", 1e12 },
		{ "KiB", 1 << 10 }, { "MiB", 1 << 20 },
		{ "GiB", 1 << 30 }, { "TiB", 1099511627776.0 },
	};
	double bytes;

	if (with_unit(text, units, sizeof(units) / sizeof(units[0]), &bytes) != 0)
		return fail_set(f, 0, "'%s' is not a size such as 64MiB", text);
	*ret_bytes = (uint64_t)bytes;
	return 0;
}

int option_seconds(const char *text, uint64_t *ret_ns, struct fail *f)
{
	static const struct unit units[] = { { "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 } };
	double ns;

	if (with_unit(text, units, sizeof(units) / sizeof(units[0]), &ns) != 0 || ns < 1e6)
		return fail_set(f, 0, "'%s' is not a time in seconds, 0.001 or more", text);
	*ret_ns = (uint64_t)ns;
	return 0;
}

int option_word(const char *text, const char *const *words, size_t n, size_t *ret, struct fail *f)
{
	char list[160] = "";

	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i;
			return 0;
		}

		size_t len = strlen(list);

		snprintf(list + len, sizeof(list) - len, "%s%s", i != 0 ? ", " : "", words[i]);
	}
	return fail_set(f, 0, "'%s' is none of %s", text, list);
}
