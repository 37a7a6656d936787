/*
 * httpd_site: the served folder. Nothing outside of it is opened, whatever a
 * path says and wherever symbolic links lead: openat2(2) with RESOLVE_BENEATH,
 * and where the kernel has none, folder by folder and through no link at all.
 */
#ifndef NODES_HTTPD_SITE_H
#define NODES_HTTPD_SITE_H

#include <sys/stat.h>

#include "fail.h"

/* A descriptor of the folder, for the two below; the caller closes it. */
int httpd_site_open(const char *folder, int *ret_fd, struct fail *f);
/* A regular file of the folder, for reading. Returns 0, or the status to answer with. */
unsigned httpd_site_open_file(int folder, const char *path, int *ret_fd, struct stat *ret_st);
/* The same without openat2(2). */
unsigned httpd_site_open_stepwise(int folder, const char *path, int *ret_fd, struct stat *ret_st);

#endif
