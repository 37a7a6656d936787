#include "lb_log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "scope.h"

#define LINE_MAX_LEN 320	       /* bytes, with room to spare */
#define KEEP_NS	     (200 * NS_PER_MS) /* who reads along sees lines this late, at most */

void lb_log_init(struct lb_log *log, int fd)
{
	struct stat st;
	/* Writers to one pipe do not mix as long as each write is this small (pipe(7)). */
	bool small = fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);

	*log = (struct lb_log){ .fd = fd, .room = small ? PIPE_BUF : LB_LOG_ROOM };
}

uint64_t lb_log_due(const struct lb_log *log)
{
	return log->len != 0 ? log->oldest + KEEP_NS : UINT64_MAX;
}

int lb_log_flush(struct lb_log *log)
{
	size_t done = 0;

	while (done < log->len && !log->failed) {
		ssize_t n = write(log->fd, log->buf + done, log->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			log->failed = true;
	}
	log->len = 0;
	return log->failed ? -1 : 0;
}

/* printf() is as much work as all else that a short connection needs of this process. */

static void put(struct lb_log *log, const char *text)
{
	size_t n = strlen(text);

	memcpy(log->buf + log->len, text, n);
	log->len += n;
}

static void put_number(struct lb_log *log, uint64_t v, unsigned min_digits)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0 || n < min_digits);
	while (n > 0)
		log->buf[log->len++] = digits[--n];
}

static void put_time(struct lb_log *log, uint64_t real)
{
	time_t second = (time_t)(real / NS_PER_SEC);
	struct tm tm;

	if (log->second != real / NS_PER_SEC) {
		gmtime_r(&second, &tm);
		strftime(log->day, sizeof(log->day), "%Y-%m-%dT%H:%M:%S", &tm);
		log->second = real / NS_PER_SEC;
	}
	put(log, log->day);
	put(log, ".");
	put_number(log, real % NS_PER_SEC / NS_PER_MS, 3);
	put(log, "Z ");
}

static void put_client(struct lb_log *log, const union lb_address *a)
{
	char text[LB_TEXT_LEN];
	const uint8_t *b = (const uint8_t *)&a->in.sin_addr;

	if (a->sa.sa_family != AF_INET) {
		put(log, lb_address_text(text, a));
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		put_number(log, b[i], 1);
		put(log, i < 3 ? "." : ":");
	}
	put_number(log, ntohs(a->in.sin_port), 1);
}

void lb_log_add(struct lb_log *log, const struct lb_log_line *line, uint64_t now, uint64_t real)
{
	if (log->fd < 0)
		return;
	if (log->len + LINE_MAX_LEN + strlen(line->backend) > log->room)
		lb_log_flush(log);
	if (log->len == 0)
		log->oldest = now;
	put_time(log, real);
	put_client(log, line->client);
	put(log, " ");
	put(log, line->backend);
	put(log, " up ");
	put_number(log, line->up, 1);
	put(log, " down ");
	put_number(log, line->down, 1);
	put(log, " ms ");
	put_number(log, line->ns / NS_PER_MS, 1);
	put(log, ".");
	put_number(log, line->ns % NS_PER_MS / NS_PER_US, 3);
	put(log, " ");
	put(log, line->how);
	put(log, "\n");
}
