/* crc32c: the checksum of RFC 3720 (iSCSI), polynomial 0x1edc6f41, with SSE4.2 where there is. */
#ifndef NODES_CRC32C_H
#define NODES_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of what crc was of (0 for nothing) followed by these bytes. */
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t len);
/* The same by tables alone: the fallback, and what tests compare with. */
uint32_t crc32c_extend_portable(uint32_t crc, const void *bytes, size_t len);

#endif
