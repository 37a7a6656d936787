/*
 * pcapng_format: the numbers of draft-ietf-opsawg-pcapng that the writer and the
 * reader share. A block is: type, total length, body, total length again, so a
 * file can be walked in both directions. Integers are in the byte order of the
 * machine that wrote the section.
 */
#ifndef HARNESS_CAPTURE_PCAPNG_FORMAT_H
#define HARNESS_CAPTURE_PCAPNG_FORMAT_H

enum pcapng_block {
	BLOCK_INTERFACE = 1,
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_NAMES = 4,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
};

#define PCAPNG_MAGIC	  0x1a2b3c4dU
#define PCAPNG_OVERHEAD	  12U	  /* bytes of a block around its body */
#define PCAPNG_MAX_PACKET 262144U /* bytes; Wireshark refuses more */
#define LINKTYPE_ETHERNET 1U

enum pcapng_option {
	OPTION_END = 0,
	OPTION_COMMENT = 1,

	SECTION_HARDWARE = 2,
	SECTION_OS = 3,
	SECTION_APPLICATION = 4,

	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_SPEED = 8,
	INTERFACE_TSRESOL = 9,
	INTERFACE_FILTER = 11,
	INTERFACE_TSOFFSET = 14,

	PACKET_FLAGS = 2,
	PACKET_DROPCOUNT = 4,
	PACKET_ID = 5,

	STATISTICS_START = 2,
	STATISTICS_END = 3,
	STATISTICS_IFRECV = 4,
	STATISTICS_IFDROP = 5,
	STATISTICS_OSDROP = 7,
};

enum pcapng_name_record {
	NAME_END = 0,
	NAME_IPV4 = 1,
	NAME_IPV6 = 2,
};

#endif
