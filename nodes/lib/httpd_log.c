#include "httpd_log.h"

#include <errno.h>
#include <string.h>

#include "scope.h"

void httpd_log_init(struct httpd_log *log)
{
	pthread_mutex_init(&log->lock, NULL);
	log->used = 0;
	log->due = UINT64_MAX;
	log->broken = false;
}

static void write_out(struct httpd_log *log)
{
	size_t done = 0;

	while (done < log->used && !log->broken) {
		ssize_t n = write(STDOUT_FILENO, log->buf + done, log->used - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			log->broken = true;
	}
	log->used = 0;
	log->due = UINT64_MAX;
}

bool httpd_log_add(struct httpd_log *log, const char *line, size_t len)
{
	pthread_mutex_lock(&log->lock);
	if (log->used + len > sizeof(log->buf))
		write_out(log);

	bool first = log->used == 0;

	memcpy(log->buf + log->used, line, len);
	log->used += len;
	if (first)
		log->due = time_now() + HTTPD_LOG_DELAY_NS;
	pthread_mutex_unlock(&log->lock);
	return first;
}

uint64_t httpd_log_work(struct httpd_log *log, uint64_t now)
{
	pthread_mutex_lock(&log->lock);
	if (log->due <= now)
		write_out(log);

	uint64_t due = log->due;

	pthread_mutex_unlock(&log->lock);
	return due;
}

void httpd_log_flush(struct httpd_log *log)
{
	httpd_log_work(log, UINT64_MAX);
}
