/* httpd_answer: the answer to one request for a file of the served folder. */
#ifndef NODES_HTTPD_ANSWER_H
#define NODES_HTTPD_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

struct httpd_answerer {
	int folder;
	char server[64];  /* the Server header */
	const char *name; /* the X-Served-By header */
	bool no_sendfile; /* read(2) large files instead */
};

struct httpd_query {
	struct MHD_Connection *connection;
	const char *target; /* without its query */
	bool head;	    /* HEAD */
	bool close;	    /* the connection ends with the answer */
};

/* Answer with a file, or with why not. ret_length: bytes of the content that will be sent. */
enum MHD_Result httpd_answer_file(const struct httpd_answerer *a, const struct httpd_query *q,
				  uint64_t *ret_length);
/* Answer with an error. */
enum MHD_Result httpd_answer_status(const struct httpd_answerer *a, const struct httpd_query *q,
				    unsigned status, uint64_t *ret_length);

#endif
