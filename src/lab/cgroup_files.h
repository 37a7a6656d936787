/*
 * cgroup_files: what the kernel's files about cgroups say, and saying something to them. For lab/.
 *
 * Those that read are given the text of the file: they do not look at the machine.
 */
#ifndef HARNESS_LAB_CGROUP_FILES_H
#define HARNESS_LAB_CGROUP_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Where a hierarchy of cgroup v2 is to be seen. */
struct cgroup_mount {
	char *point; /* a folder */
	char *root;  /* the cgroup that this folder is; "/" for the uppermost */
};

/*
 * In a file like /proc/self/mountinfo, proc(5): the last one that shows this cgroup, as it may lie
 * over the others. False: there is none.
 */
bool cgroup_find_mount(const char *mountinfo, const char *cgroup, struct cgroup_mount *ret_mount);
void cgroup_mount_done(struct cgroup_mount *m);
/* The cgroup v2 in a file like /proc/self/cgroup (free), cgroups(7); NULL: there is none. */
char *cgroup_find_own(const char *proc_cgroup);
/* The folder of this cgroup (free); NULL: it lies outside of what is mounted. */
char *cgroup_folder_of(const struct cgroup_mount *m, const char *cgroup);
/* The controllers (enum cgroup_controller) in a list like cgroup.controllers; others are left out. */
unsigned cgroup_controllers(const char *list);
/* The number behind this key in a file like memory.events; 0: it is not there. */
uint64_t cgroup_count(const char *events, const char *key);

/* One write(2): these files take a line at once or refuse it. */
int cgroup_write(const char *folder, const char *name, const char *text, struct err *e);
int cgroup_write_at(int folder, const char *name, const char *text, struct err *e);

#endif
