/* httpd_pool: processes, forked before the first client comes, that serve from one socket. */
#ifndef NODES_HTTPD_POOL_H
#define NODES_HTTPD_POOL_H

#include "httpd_server.h"

/*
 * Run config->workers processes until SIGTERM or SIGINT; one that dies is replaced. Prints to
 * stderr what became of those. config->limit is shared out among them.
 */
int httpd_pool_run(const struct httpd_config *config, struct fail *f);

#endif
