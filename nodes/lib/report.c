#include "report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "name.h"

json_t *report_text(const char *text)
{
	char clean[PATH_MAX];

	if (*text == '\0')
		return json_null();
	return json_string(name_printable(clean, sizeof(clean), text, strlen(text)));
}

json_t *report_hash(const uint8_t *hash)
{
	char hex[2 * DIGEST_LEN + 1];

	if (hash == NULL)
		return json_null();
	for (size_t i = 0; i < DIGEST_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return json_string(hex);
}

static json_t *of_job(const struct job *j)
{
	const struct job_result *r = j->result;
	char to[PEER_TEXT_LEN];
	json_t *o = json_object();

	json_object_set_new(o, "file", report_text(j->name));
	json_object_set_new(o, "path", report_text(j->path));
	json_object_set_new(o, "to", json_string(peer_text(to, &j->to)));
	json_object_set_new(o, "port", json_integer(j->to.port));
	json_object_set_new(o, "source_port", json_integer(r->source_port));
	json_object_set_new(o, "size", json_integer((json_int_t)r->size));
	json_object_set_new(o, "sha256", report_hash(r->has_hash ? r->hash : NULL));
	json_object_set_new(o, "status", json_string(job_state(j) == JOB_DONE ? "done" : "failed"));
	json_object_set_new(o, "error", report_text(r->error));
	json_object_set_new(o, "started_real_ns", json_integer((json_int_t)r->started_real_ns));
	json_object_set_new(o, "ended_real_ns", json_integer((json_int_t)r->ended_real_ns));
	json_object_set_new(o, "datagrams", json_integer((json_int_t)r->datagrams));
	json_object_set_new(o, "repairs", json_integer((json_int_t)r->repairs));
	return o;
}

json_t *report_of_plan(const struct plan *plan, const char *version, uint64_t elapsed_ns)
{
	json_t *o = json_object(), *transfers = json_array();

	for (size_t i = 0; i < plan->n_jobs; i++)
		json_array_append_new(transfers, of_job(&plan->jobs[i]));
	json_object_set_new(o, "program", json_string("udp-send"));
	json_object_set_new(o, "version", json_string(version));
	json_object_set_new(o, "mode", json_string(crew_mode_names[plan->mode]));
	json_object_set_new(o, "format", json_string(plan->raw ? "raw" : "reliable"));
	json_object_set_new(o, "elapsed_ns", json_integer((json_int_t)elapsed_ns));
	json_object_set_new(o, "transfers", transfers);
	return o;
}

static int dump(const json_t *report, const char *path)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		return -1;

	int r = json_dumpf(report, file, JSON_INDENT(1));

	if (fputc('\n', file) == EOF)
		r = -1;
	return fclose(file) == 0 ? r : -1;
}

int report_write(const char *path, json_t *report, struct fail *f)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
	int r = n > 0 && (size_t)n < sizeof(temporary) ? dump(report, temporary) : -1;
	int num = errno;

	json_decref(report);
	if (r == 0 && rename(temporary, path) == 0)
		return 0;
	if (r == 0)
		num = errno;
	unlink(temporary);
	return fail_set(f, num, "write report '%s'", path);
}
