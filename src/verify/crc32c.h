/* crc32c: the Castagnoli CRC (RFC 3720, appendix B.4), as the transfer protocol uses it. */
#ifndef HARNESS_VERIFY_CRC32C_H
#define HARNESS_VERIFY_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of what gave `crc` followed by these bytes; the CRC of nothing is 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
/* The same by tables alone: what machines without the instruction get. */
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len);

#endif
