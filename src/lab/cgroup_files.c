#include "lab/cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "lab/cgroup.h"

static bool is_octal(const char *s)
{
	for (int i = 0; i < 3; i++)
		if (s[i] < '0' || s[i] > '7')
			return false;
	return true;
}

/* Blanks in it stand there as \040, proc(5). */
static char *unescape(const char *s)
{
	struct text t = { 0 };

	for (; *s != '\0'; s++) {
		char c = *s;

		if (c == '\\' && is_octal(s + 1)) {
			c = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		}
		text_add_bytes(&t, &c, 1);
	}
	return t.len != 0 ? text_take(&t) : text_dup("");
}

/* id, parent, device, root, mount point, options, any number of optional fields, "-", type. */
static bool parse_mount(char *line, struct cgroup_mount *ret)
{
	const char *root = NULL, *point = NULL, *type = NULL;
	char *field;

	for (int n = 0; (field = strsep(&line, " ")) != NULL; n++) {
		if (n == 3)
			root = field;
		else if (n == 4)
			point = field;
		else if (n > 5 && strcmp(field, "-") == 0) {
			type = strsep(&line, " ");
			break;
		}
	}
	if (type == NULL || strcmp(type, "cgroup2") != 0)
		return false;
	*ret = (struct cgroup_mount){ .point = unescape(point), .root = unescape(root) };
	return true;
}

void cgroup_mount_done(struct cgroup_mount *m)
{
	free(m->point);
	free(m->root);
	*m = (struct cgroup_mount){ 0 };
}

bool cgroup_find_mount(const char *mountinfo, const char *cgroup, struct cgroup_mount *ret)
{
	cleanup_free char *copy = text_dup(mountinfo);
	bool found = false;

	for (char *rest = copy, *line; (line = strsep(&rest, "\n")) != NULL;) {
		struct cgroup_mount m;

		if (!parse_mount(line, &m))
			continue;

		cleanup_free char *folder = cgroup_folder_of(&m, cgroup);

		if (folder == NULL) {
			cgroup_mount_done(&m);
			continue;
		}
		if (found)
			cgroup_mount_done(ret);
		*ret = m;
		found = true;
	}
	return found;
}

char *cgroup_find_own(const char *proc_cgroup)
{
	static const char v2[] = "0::";
	cleanup_free char *copy = text_dup(proc_cgroup);

	for (char *rest = copy, *line; (line = strsep(&rest, "\n")) != NULL;)
		if (strncmp(line, v2, strlen(v2)) == 0)
			return text_dup(line + strlen(v2));
	return NULL;
}

/* "/.." in a path: the cgroup lies outside of our cgroup namespace, cgroup_namespaces(7). */
char *cgroup_folder_of(const struct cgroup_mount *m, const char *cgroup)
{
	size_t len = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);

	if (cgroup[0] != '/' || strncmp(cgroup, "/..", 3) == 0 || strncmp(m->root, "/..", 3) == 0 ||
	    strncmp(cgroup, m->root, len) != 0 || (cgroup[len] != '/' && cgroup[len] != '\0'))
		return NULL;
	cgroup += len;
	return text_format("%s%s", m->point, strcmp(cgroup, "/") == 0 ? "" : cgroup);
}

unsigned cgroup_controllers(const char *list)
{
	cleanup_free char *copy = text_dup(list);
	unsigned found = 0;

	for (char *rest = copy, *word; (word = strsep(&rest, " \n")) != NULL;)
		found |= strcmp(word, "cpu") == 0      ? CGROUP_CPU
			 : strcmp(word, "memory") == 0 ? CGROUP_MEMORY
						       : 0;
	return found;
}

uint64_t cgroup_count(const char *events, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = events; *line != '\0';
	     line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len + 1, NULL, 10);
	return 0;
}

int cgroup_write_at(int folder, const char *name, const char *text, struct err *e)
{
	cleanup_close int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_set(e, errno, "write '%s' to %s", text, name);
	return 0;
}

int cgroup_write(const char *folder, const char *name, const char *text, struct err *e)
{
	cleanup_close int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open %s", folder);
	return cgroup_write_at(fd, name, text, e) == 0 ? 0 : err_prefix(e, "%s", folder);
}
