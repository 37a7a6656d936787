/* Fuzzes the reader of captures, and the decoder of what they hold. */
#include <string.h>

#include "base/cleanup.h"
#include "capture/pcapng.h"
#include "verify/decode.h"
#include "verify/message.h"

#include "fuzz/input.h"

static void decode(const struct packet *p)
{
	struct datagram d = { 0 };
	struct fragment f = { 0 };
	struct message m;

	if (decode_frame(p, &d, &f) != DECODED_UDP)
		return;
	decode_verify_checksum(&d);
	message_decode(&d, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *reader = NULL;
	struct packet p;
	struct err e;

	if (pcapng_reader_open(input_path(data, size), &reader, &e) != 0)
		return 0;
	while (pcapng_read(reader, &p, &e) == 1)
		decode(&p);
	return 0;
}
