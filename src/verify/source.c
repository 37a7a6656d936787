#include "verify/source.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

void source_load(struct source *s, const struct transfer_file *f)
{
	struct err e;

	*s = (struct source){ .path = f->path };
	if (fs_map_open(&s->map, f->path, &e) != 0) {
		s->trouble = text_format("the source cannot be read any more: %s", e.msg);
		return;
	}
	sha256_of(s->map.data, s->map.len, &s->digest);
	if (s->map.len != f->size)
		s->trouble = text_format("the source has changed since the topology was loaded: "
					 "%" PRIu64 " bytes then, %zu now",
					 f->size, s->map.len);
}

void source_unload(struct source *s)
{
	fs_map_close(&s->map);
	free(s->trouble);
}
