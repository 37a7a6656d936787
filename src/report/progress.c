#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/render.h"

static bool can_redraw(FILE *out)
{
	const char *term = getenv("TERM");
	const char *ci = getenv("CI");

	return isatty(fileno(out)) && term != NULL && term[0] != '\0' &&
	       strcmp(term, "dumb") != 0 && (ci == NULL || ci[0] == '\0');
}

void progress_init(struct progress *p, bool color, bool quiet, size_t n_runs)
{
	*p = (struct progress){ .out = stderr, .color = color, .quiet = quiet, .n_runs = n_runs };
	p->redraw = !quiet && can_redraw(p->out);
}

/* A line that wraps cannot be redrawn, so it is cut where the terminal ends. */
static void cut_to_terminal(FILE *out, char *line)
{
	struct winsize size = { 0 };
	size_t columns = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
										       : 80;
	size_t len = strlen(line);

	while (len > 0 && render_width(line) >= columns) {
		do
			len--;
		while (len > 0 && ((unsigned char)line[len] & 0xc0) == 0x80);
		line[len] = '\0';
	}
}

/* EL (ECMA-48, 8.3.41) from the first column on. */
static void clear(struct progress *p)
{
	if (p->shown[0] != '\0')
		fputs("\r\033[K", p->out);
	p->shown[0] = '\0';
}

/* In the order in which they began. */
static struct progress_run *find(struct progress *p, size_t run)
{
	for (size_t i = 0; i < p->n_at_work; i++)
		if (p->at_work[i].run == run)
			return &p->at_work[i];

	struct progress_run *new = array_add(&p->at_work, &p->n_at_work, &p->at_work_room,
					     sizeof(*new));

	new->run = run;
	return new;
}

static void forget(struct progress *p, size_t run)
{
	size_t i = (size_t)(find(p, run) - p->at_work);

	free(p->at_work[i].what);
	p->n_at_work--;
	memmove(&p->at_work[i], &p->at_work[i + 1], (p->n_at_work - i) * sizeof(*p->at_work));
}

static void redraw(struct progress *p)
{
	struct text line = { 0 };

	for (size_t i = 0; i < p->n_at_work; i++)
		text_add(&line, "%s[%zu/%zu] %s", i != 0 ? " | " : "", p->at_work[i].run, p->n_runs,
			 p->at_work[i].what);
	if (line.s != NULL)
		cut_to_terminal(p->out, line.s);
	if (strncmp(text_str(&line), p->shown, sizeof(p->shown) - 1) != 0) {
		clear(p);
		fputs(text_str(&line), p->out);
		fflush(p->out);
		snprintf(p->shown, sizeof(p->shown), "%s", text_str(&line));
	}
	text_done(&line);
}

void progress_stage(struct progress *p, size_t run, const char *label, const char *stage)
{
	if (!p->redraw)
		return;

	struct progress_run *at_work = find(p, run);
	struct text what = { 0 };

	render_printable(&what, label, RENDER_ONE_LINE);
	text_add(&what, ": %s", stage);
	free(at_work->what);
	at_work->what = text_take(&what);
	redraw(p);
}

void progress_run_done(struct progress *p, size_t run, const struct run_verdict *r)
{
	if (p->quiet)
		return;
	if (p->redraw) {
		forget(p, run);
		clear(p);
		redraw(p);
		fflush(p->out);
		return;
	}

	struct text line = { 0 };
	char duration[16];

	text_add(&line, "[%zu/%zu] ", run, p->n_runs);
	render_printable(&line, r->label, RENDER_ONE_LINE);
	text_add(&line, ": %s%s %s%s (%s)", p->color ? render_color(r->outcome) : "",
		 render_symbol(r->outcome), render_word(r->outcome), p->color ? RENDER_PLAIN : "",
		 text_duration(duration, r->total_ns));
	if (r->n_reasons != 0) {
		text_add(&line, ": ");
		render_printable(&line, r->reasons[0], RENDER_ONE_LINE);
	}
	fprintf(p->out, "%s\n", line.s);
	fflush(p->out);
	text_done(&line);
}

void progress_done(struct progress *p)
{
	if (p->redraw)
		clear(p);
	fflush(p->out);
	while (p->n_at_work > 0)
		forget(p, p->at_work[0].run);
	free(p->at_work);
	p->at_work = NULL;
}
