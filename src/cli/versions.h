/* versions: which libraries the harness runs with, as they say themselves at run time. */
#ifndef HARNESS_CLI_VERSIONS_H
#define HARNESS_CLI_VERSIONS_H

/* "libnl 3.7.0, libpcap 1.10.3, ..."; free it. */
char *versions_of_libraries(void);

#endif
