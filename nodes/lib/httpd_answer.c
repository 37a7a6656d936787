#include "httpd_answer.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "httpd_header.h"
#include "httpd_site.h"
#include "httpd_uri.h"
#include "scope.h"

/* Up to here one send(2) of a copy is cheaper than sendfile(2) after the headers. */
#define COPY_MAX  (32 << 10)
#define READ_SIZE (64 << 10) /* of a file that is read piece by piece */

struct file {
	int fd;
	struct stat st;
	const char *type;
	char tag[HTTPD_TAG_LEN];
	char modified[HTTPD_DATE_LEN];
	uint64_t first, len; /* what is asked of it */
};

static void add_header(struct MHD_Response *r, const char *name, const char *value)
{
	(void)MHD_add_response_header(r, name, value); /* without memory: one header less */
}

/* Complete and send; takes the response, NULL closes the connection. */
static enum MHD_Result send_response(const struct httpd_answerer *a, const struct httpd_query *q,
				     unsigned status, struct MHD_Response *r)
{
	if (r == NULL)
		return MHD_NO;
	add_header(r, MHD_HTTP_HEADER_SERVER, a->server);
	add_header(r, "X-Served-By", a->name);
	if (q->close)
		add_header(r, MHD_HTTP_HEADER_CONNECTION, "close");

	enum MHD_Result result = MHD_queue_response(q->connection, status, r);

	MHD_destroy_response(r);
	return result;
}

static struct MHD_Response *text_response(const struct httpd_query *q, const char *text,
					  uint64_t *ret_length)
{
	size_t len = strlen(text);
	scope_free char *copy = strdup(text);
	struct MHD_Response *r = copy == NULL ? NULL
					      : MHD_create_response_from_buffer(
							len, copy, MHD_RESPMEM_MUST_COPY);

	*ret_length = q->head ? 0 : len;
	if (r != NULL)
		add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
	return r;
}

enum MHD_Result httpd_answer_status(const struct httpd_answerer *a, const struct httpd_query *q,
				    unsigned status, uint64_t *ret_length)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %s\n", status, MHD_get_reason_phrase_for(status));

	struct MHD_Response *r = text_response(q, text, ret_length);

	if (r != NULL && status == MHD_HTTP_METHOD_NOT_ALLOWED)
		add_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return send_response(a, q, status, r);
}

/* The whole of a small file in memory; NULL when it cannot be read. */
static struct MHD_Response *copy_response(struct file *file)
{
	scope_free uint8_t *copy = malloc(file->len != 0 ? file->len : 1);
	ssize_t n = copy == NULL ? -1 : pread(file->fd, copy, file->len, (off_t)file->first);

	if (n < 0)
		return NULL;
	file->len = (uint64_t)n; /* less when it shrank meanwhile */

	struct MHD_Response *r = MHD_create_response_from_buffer(file->len, copy,
								 MHD_RESPMEM_MUST_FREE);

	if (r != NULL)
		copy = NULL;
	return r;
}

struct reader {
	int fd;
	uint64_t first;
};

static ssize_t read_some(void *cls, uint64_t pos, char *buf, size_t max)
{
	const struct reader *reader = cls;
	ssize_t n = pread(reader->fd, buf, max, (off_t)(reader->first + pos));

	/* It has shrunk, as there was more: the connection ends here. */
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void close_reader(void *cls)
{
	struct reader *reader = cls;

	close(reader->fd);
	free(reader);
}

/* Takes the descriptor when it succeeds. */
static struct MHD_Response *read_response(const struct file *file)
{
	scope_free struct reader *reader = scope_alloc(1, sizeof(*reader));

	*reader = (struct reader){ file->fd, file->first };

	struct MHD_Response *r = MHD_create_response_from_callback(file->len, READ_SIZE, read_some,
								   reader, close_reader);

	if (r != NULL)
		reader = NULL;
	return r;
}

/* Takes the descriptor. */
static struct MHD_Response *file_response(const struct httpd_answerer *a, struct file *file,
					  bool head)
{
	scope_close int fd = file->fd;

	if (!head && file->len <= COPY_MAX)
		return copy_response(file);
	if (a->no_sendfile) {
		struct MHD_Response *read = read_response(file);

		if (read != NULL)
			(void)scope_take_fd(&fd);
		return read;
	}

	struct MHD_Response *r = MHD_create_response_from_fd_at_offset64(file->len, fd,
									 file->first);

	if (r != NULL)
		(void)scope_take_fd(&fd);
	return r;
}

static const char *header_of(const struct httpd_query *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

static void describe(struct file *file, const char *path)
{
	file->type = httpd_uri_type(path);
	file->len = (uint64_t)file->st.st_size;
	snprintf(file->tag, sizeof(file->tag), "\"%" PRIx64 "-%" PRIx64 "\"",
		 (uint64_t)file->st.st_mtim.tv_sec * NS_PER_SEC +
			 (uint64_t)file->st.st_mtim.tv_nsec,
		 file->len);
	httpd_date_format(file->modified, file->st.st_mtim.tv_sec);
}

/* RFC 9110, section 13.2.2: If-None-Match hides If-Modified-Since. */
static bool is_unchanged(const struct httpd_query *q, const struct file *file)
{
	const char *tags = header_of(q, MHD_HTTP_HEADER_IF_NONE_MATCH);
	const char *date = header_of(q, MHD_HTTP_HEADER_IF_MODIFIED_SINCE);

	if (tags != NULL)
		return httpd_tag_in_list(tags, file->tag);
	return date != NULL && file->st.st_mtim.tv_sec <= httpd_date_parse(date);
}

/* Sets first and len. Range is defined for GET only, and If-Range wants the same file still. */
static enum httpd_range take_range(const struct httpd_query *q, struct file *file)
{
	const char *range = q->head ? NULL : header_of(q, MHD_HTTP_HEADER_RANGE);
	const char *same = header_of(q, MHD_HTTP_HEADER_IF_RANGE);

	if (range == NULL ||
	    (same != NULL && strcmp(same, file->tag) != 0 && strcmp(same, file->modified) != 0))
		return HTTPD_RANGE_NONE;
	return httpd_range_parse(range, (uint64_t)file->st.st_size, &file->first, &file->len);
}

static void add_content_range(struct MHD_Response *r, enum httpd_range kind,
			      const struct file *file)
{
	char text[96];
	uint64_t size = (uint64_t)file->st.st_size;

	if (kind == HTTPD_RANGE_OUTSIDE)
		snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
	else
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, file->first,
			 file->first + file->len - 1, size);
	add_header(r, MHD_HTTP_HEADER_CONTENT_RANGE, text);
}

/* Takes the descriptor. */
static enum MHD_Result answer_open_file(const struct httpd_answerer *a, const struct httpd_query *q,
					struct file *file, uint64_t *ret_length)
{
	bool unchanged = is_unchanged(q, file);
	enum httpd_range range = unchanged ? HTTPD_RANGE_NONE : take_range(q, file);
	unsigned status = MHD_HTTP_OK;
	struct MHD_Response *r;

	if (unchanged) {
		/* Its length is that of the file (RFC 9110, section 8.6), but nothing is sent. */
		status = MHD_HTTP_NOT_MODIFIED;
		r = file_response(a, file, true);
	} else if (range == HTTPD_RANGE_OUTSIDE) {
		close(file->fd);
		status = MHD_HTTP_RANGE_NOT_SATISFIABLE;
		r = text_response(q, "416 Range Not Satisfiable\n", ret_length);
	} else {
		status = range == HTTPD_RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK;
		r = file_response(a, file, q->head);
		*ret_length = q->head ? 0 : file->len;
		if (r != NULL)
			add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
	}
	if (r == NULL)
		return httpd_answer_status(a, q, MHD_HTTP_SERVICE_UNAVAILABLE, ret_length);
	if (status == MHD_HTTP_PARTIAL_CONTENT || status == MHD_HTTP_RANGE_NOT_SATISFIABLE)
		add_content_range(r, range, file);
	add_header(r, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	add_header(r, MHD_HTTP_HEADER_ETAG, file->tag);
	add_header(r, MHD_HTTP_HEADER_LAST_MODIFIED, file->modified);
	return send_response(a, q, status, r);
}

enum MHD_Result httpd_answer_file(const struct httpd_answerer *a, const struct httpd_query *q,
				  uint64_t *ret_length)
{
	char path[PATH_MAX], text[192];
	struct file file = { .fd = -1 };
	unsigned status = httpd_uri_path(q->target, path, sizeof(path) - sizeof("index.html"));
	size_t len = status == 0 ? strlen(path) : 0;
	bool root = status == 0 && len == 0;

	if (status == 0 && (root || path[len - 1] == '/'))
		memcpy(path + len, "index.html", sizeof("index.html"));
	if (status == 0)
		status = httpd_site_open_file(a->folder, path, &file.fd, &file.st);
	if (status == MHD_HTTP_NOT_FOUND && root) {
		snprintf(text, sizeof(text), "%s at %s\n", a->server, a->name);
		return send_response(a, q, MHD_HTTP_OK, text_response(q, text, ret_length));
	}
	if (status != 0)
		return httpd_answer_status(a, q, status, ret_length);
	describe(&file, path);
	return answer_open_file(a, q, &file, ret_length);
}
