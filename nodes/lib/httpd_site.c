#include "httpd_site.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#include "scope.h"

/* O_NONBLOCK: opening a FIFO must not wait for its other end. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int httpd_site_open(const char *folder, int *ret_fd, struct fail *f)
{
	*ret_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd >= 0 ? 0 : fail_set(f, errno, "open the folder '%s'", folder);
}

static unsigned status_of(int num)
{
	switch (num) {
	case EACCES:
	case EPERM:
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN: /* openat2(2): something was renamed meanwhile */
		return 503;
	case EIO:
		return 500;
	default: /* not there, or outside, which is none of the client's business */
		return 404;
	}
}

static unsigned take_regular(int fd, int *ret_fd, struct stat *ret_st)
{
	scope_close int owned = fd;

	if (owned < 0)
		return status_of(errno);
	if (fstat(owned, ret_st) != 0)
		return 500;
	if (!S_ISREG(ret_st->st_mode))
		return 404;
	*ret_fd = scope_take_fd(&owned);
	return 0;
}

unsigned httpd_site_open_stepwise(int folder, const char *path, int *ret_fd, struct stat *ret_st)
{
	scope_close int at = -1;
	char name[NAME_MAX + 1];
	const char *slash;

	while ((slash = strchr(path, '/')) != NULL) {
		size_t len = (size_t)(slash - path);

		if (len >= sizeof(name))
			return 404;
		memcpy(name, path, len);
		name[len] = '\0';

		int next = openat(at >= 0 ? at : folder, name,
				  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (next < 0)
			return status_of(errno);
		if (at >= 0)
			close(at);
		at = next;
		path = slash + 1;
	}
	return take_regular(openat(at >= 0 ? at : folder, path, OPEN_FLAGS | O_NOFOLLOW), ret_fd,
			    ret_st);
}

unsigned httpd_site_open_file(int folder, const char *path, int *ret_fd, struct stat *ret_st)
{
	struct open_how how = { .flags = OPEN_FLAGS,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

	/* EPERM: a container's filter that is older than the call. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return httpd_site_open_stepwise(folder, path, ret_fd, ret_st);
	return take_regular(fd, ret_fd, ret_st);
}
