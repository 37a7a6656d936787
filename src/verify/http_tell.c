/* What is wrong with answers, in words, and the files that they should be. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "verify/http_exchange.h"

/* ---- what is said ---- */

char *http_printable(const struct http_words *w)
{
	char *t = text_format("%.*s", w->len < 200 ? (int)w->len : 200, w->s);

	for (char *c = t; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return t;
}

/* "GET /a of 10.0.0.1:40000 > 10.0.0.2:80" */
static void add_who(struct text *t, const struct exchange *x, const struct request *r)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	const struct endpoints *e = &x->ends;

	if (r != NULL)
		text_add(t, "%s %s of ", r->head ? "HEAD" : r->get ? "GET" : "request", r->target);
	text_add(t, "%s port %u > %s port %u", ip_address_format(a, &e->address[PEER_CLIENT]),
		 e->port[PEER_CLIENT], ip_address_format(b, &e->address[PEER_SERVER]),
		 e->port[PEER_SERVER]);
}

static void add_place(struct text *t, const struct http *h, struct place at)
{
	uint64_t ns = at.time_ns > h->began_ns ? at.time_ns - h->began_ns : 0;

	text_add(t, "; frame %" PRIu64 ", %" PRIu64 ".%06" PRIu64 " s after the first", at.frame,
		 (uint64_t)(ns / NS_PER_SEC), (uint64_t)(ns % NS_PER_SEC / 1000));
}

static char *filter_of(const struct exchange *x)
{
	char a[INET6_ADDRSTRLEN];

	return text_format("host %s and tcp port %u",
			   ip_address_format(a, &x->ends.address[PEER_CLIENT]),
			   x->ends.port[PEER_CLIENT]);
}

__attribute__((format(printf, 5, 0))) static void keep_first(char **first, const struct exchange *x,
							     const struct request *r,
							     struct place at, const char *format,
							     va_list ap)
{
	struct text t = { 0 };

	if (*first != NULL)
		return;
	add_who(&t, x, r);
	text_add(&t, ": ");
	text_vadd(&t, format, ap);
	add_place(&t, x->h, at);
	*first = text_take(&t);
}

void http_tell(char **first, const struct exchange *x, const struct request *r, struct place at,
	       const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	keep_first(first, x, r, at, format, ap);
	va_end(ap);
}

void http_remember(char **filter, const struct exchange *x)
{
	if (*filter == NULL)
		*filter = filter_of(x);
}

void http_wrong(struct exchange *x, const struct request *r, struct place at, const char *format,
		...)
{
	struct http_tally *t = &x->h->tally;
	va_list ap;

	va_start(ap, format);
	keep_first(&t->first_wrong, x, r, at, format, ap);
	va_end(ap);
	http_remember(&t->filter_wrong, x);
	t->wrong++;
}

void http_unread(struct exchange *x, const struct request *r, struct place at, const char *format,
		 ...)
{
	struct http_tally *t = &x->h->tally;
	va_list ap;

	va_start(ap, format);
	keep_first(&t->first_unread, x, r, at, format, ap);
	va_end(ap);
	t->unread++;
}

/* ---- pages ---- */

size_t http_find_page(struct http *h, const char *path)
{
	struct page *p;
	struct err e;

	for (size_t i = 0; i < h->n_pages; i++)
		if (strcmp(h->pages[i].path, path) == 0)
			return i;

	cleanup_free char *file = text_format("%s/%s", h->folder, path);

	p = array_add(&h->pages, &h->n_pages, &h->pages_room, sizeof(*p));
	p->path = text_dup(path);
	p->there = fs_map_open(&p->map, file, &e) == 0;
	return h->n_pages - 1;
}
