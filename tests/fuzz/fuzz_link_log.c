/* Fuzzes the reader of link logs. */
#include "base/cleanup.h"
#include "link/log.h"

#include "fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_by(log_reader_freep) struct log_reader *reader = NULL;
	struct link_frame frame;
	struct err e;

	if (log_reader_open(input_path(data, size), &reader, &e) != 0)
		return 0;
	while (log_read(reader, &frame, &e) == 1)
		free(link_flow_format(log_flow(reader, frame.flow)));
	return 0;
}
