/* Fuzzes udp-recv's state machine: the first byte of each record is its datagram's length. */
#include <string.h>

#include "server.h"
#include "wire.h"

#include "fuzz/input.h"

#define MAX_SIZE (1 << 16)

/* A store in memory. */
struct store_file {
	uint64_t size;
	uint8_t bytes[MAX_SIZE];
};

static int create(void *ctx, const char *name, uint64_t transfer, uint64_t size,
		  struct store_file **ret_file, struct fail *f)
{
	(void)ctx;
	(void)name;
	(void)transfer;
	if (size > MAX_SIZE)
		return fail_set(f, 0, "too large");
	*ret_file = calloc(1, sizeof(**ret_file));
	if (*ret_file == NULL)
		abort();
	(*ret_file)->size = size;
	return 0;
}

/* What lies outside of the file is for the sanitizer to find. */
static void write_bytes(struct store_file *file, uint64_t offset, const void *bytes, size_t len)
{
	if (offset + len > file->size)
		abort();
	memcpy(file->bytes + offset, bytes, len);
}

static int succeed(struct store_file *file, struct fail *f)
{
	(void)file;
	(void)f;
	return 0;
}

static int read_bytes(struct store_file *file, uint64_t offset, void *buf, size_t len,
		      struct fail *f)
{
	if (offset + len > file->size)
		return fail_set(f, 0, "read");
	memcpy(buf, file->bytes + offset, len);
	return 0;
}

static size_t hash(struct store_file *file, uint64_t from, uint64_t upto, struct digest *digest)
{
	digest_add(digest, file->bytes + from, upto - from);
	return upto - from;
}

static void release(struct store_file *file)
{
	free(file);
}

static void ignore_datagram(void *ctx, const struct peer *to, const uint8_t *datagram, size_t len)
{
	struct wire_packet p;

	(void)ctx;
	(void)to;
	if (wire_parse(datagram, len, &p) != WIRE_OK)
		abort(); /* an answer that nobody understands */
}

static void ignore_intake(void *ctx, const struct intake *in)
{
	(void)ctx;
	(void)in;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct server_config config = {
		.max_transfers = 4,
		.max_size = MAX_SIZE,
		.buffer = 1 << 20,
		.store = { .create = create,
			   .write = write_bytes,
			   .sync = succeed,
			   .read = read_bytes,
			   .hash = hash,
			   .commit = succeed,
			   .release = release },
		.send = ignore_datagram,
		.settled = ignore_intake,
		.ended = ignore_intake,
	};
	struct server *server = server_new(&config);
	const struct peer from = { .port = 1 };
	uint8_t datagram[PROTOCOL_HEADER_LENGTH + 255];

	for (uint64_t now = 1; size > 1; now++) {
		size_t len = data[0] < size ? data[0] : size - 1;
		struct wire_packet p = {
			.type = (uint8_t)(1 + data[1] % PROTOCOL_TYPE_MAX),
			.transfer = 1,
			.number = (uint32_t)now,
			.len = len,
		};

		/* Sealed, or the checksum would refuse nearly everything. */
		memcpy(datagram + PROTOCOL_HEADER_LENGTH, data + 1, len);
		server_receive(server, datagram, wire_seal(datagram, &p), &from, now);
		server_work(server, now);
		data += 1 + len;
		size -= 1 + len;
	}
	server_free(server);
	return 0;
}
