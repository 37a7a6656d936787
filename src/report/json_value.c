#include "report/json_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/render.h"

json_t *json_checked(json_t *value)
{
	if (value == NULL)
		abort();
	return value;
}

void json_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, json_checked(value)) != 0)
		abort();
}

void json_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, json_checked(value)) != 0)
		abort();
}

json_t *json_string_of(const char *s)
{
	if (s == NULL)
		return json_null();

	cleanup_by(text_done) struct text t = { 0 };

	render_utf8(&t, s);
	return json_string(text_str(&t));
}

json_t *json_count_of(uint64_t n)
{
	return json_integer((json_int_t)(n <= INT64_MAX ? n : INT64_MAX));
}

int json_print(FILE *out, json_t *document, const char *what, struct err *e)
{
	char *dump = json_dumps(document, JSON_INDENT(2));
	cleanup_by(text_done) struct text t = { 0 };

	json_decref(document);
	if (dump == NULL)
		abort();
	text_add_bytes(&t, dump, strlen(dump));
	text_add_bytes(&t, "\n", 1);
	free(dump);
	return render_write(out, &t, what, e);
}
