/*
 * protocol: the layout of every datagram of the file transfer protocol,
 * version 1, as offsets and numbers. docs/transfer-protocol.md explains it.
 *
 * Constants only: this header is all that the node programs share with anyone
 * who reads their packets. All integers are big endian, unsigned and not
 * aligned. One UDP datagram is one message: a header, then the payload of its
 * type, nothing behind it. Offsets named PROTOCOL_TYPE_FIELD count from the
 * start of the payload.
 */
#ifndef NODES_PROTOCOL_H
#define NODES_PROTOCOL_H

#define PROTOCOL_PORT	 10000
#define PROTOCOL_VERSION 1
#define PROTOCOL_MAGIC	 0x68726e73 /* "hrns" */

/* The header: 40 bytes, offsets from the start of the datagram. */
#define PROTOCOL_AT_MAGIC	   0  /* u32 */
#define PROTOCOL_AT_VERSION	   4  /* u8 */
#define PROTOCOL_AT_TYPE	   5  /* u8, enum protocol_type */
#define PROTOCOL_AT_FLAGS	   6  /* u8, enum protocol_flag */
#define PROTOCOL_AT_HEADER_WORDS   7  /* u8, PROTOCOL_HEADER_WORDS */
#define PROTOCOL_AT_TRANSFER	   8  /* u64, random per attempt, never 0 */
#define PROTOCOL_AT_PACKET	   16 /* u32, per transfer and direction, from 1, never reused */
#define PROTOCOL_AT_TIME	   20 /* u32, microseconds of the writer's clock, wraps */
#define PROTOCOL_AT_OFFSET	   24 /* u64, of DATA: bytes from the start of the file; else 0 */
#define PROTOCOL_AT_PAYLOAD_LENGTH 32 /* u16, bytes behind the header */
#define PROTOCOL_AT_RESERVED	   34 /* u16, 0 */
#define PROTOCOL_AT_CRC		   36 /* u32, CRC-32C of the whole datagram with this field 0 */

#define PROTOCOL_HEADER_LENGTH 40
#define PROTOCOL_HEADER_WORDS  10 /* header length in words of 4 bytes */

enum protocol_type {
	PROTOCOL_OPEN = 1,     /* sender to receiver: a file is offered */
	PROTOCOL_OPEN_ACK = 2, /* receiver to sender: send it */
	PROTOCOL_DATA = 3,     /* payload: one chunk of the file, at the header's offset */
	PROTOCOL_STATUS = 4,   /* receiver to sender: what has arrived */
	PROTOCOL_PROBE = 5,    /* sender to receiver: answer with STATUS now */
	PROTOCOL_FIN = 6,      /* sender to receiver: every chunk was sent; this is the hash */
	PROTOCOL_FIN_ACK = 7,  /* receiver to sender: the file is in place, or why not */
	PROTOCOL_CLOSE = 8,    /* sender to receiver: FIN_ACK arrived, forget the transfer; empty */
	PROTOCOL_ABORT = 9,    /* either way: the transfer is over and failed */
};
#define PROTOCOL_TYPE_MAX 9

enum protocol_flag {
	PROTOCOL_FLAG_RETX = 1,	   /* DATA: the chunk was sent before */
	PROTOCOL_FLAG_LAST = 2,	   /* DATA: the last chunk of the file */
	PROTOCOL_FLAG_ACK_NOW = 4, /* answer with STATUS at once */
};
#define PROTOCOL_FLAGS_ALL 7

/* OPEN. Zeros behind the name pad the datagram to PROTOCOL_OPEN_DATAGRAM_MIN. */
#define PROTOCOL_OPEN_SIZE	   0  /* u64, bytes in the file */
#define PROTOCOL_OPEN_CHUNK	   8  /* u32, bytes in every DATA but the last */
#define PROTOCOL_OPEN_COUNT	   12 /* u32, chunks: size / chunk, rounded up; 0 if empty */
#define PROTOCOL_OPEN_SHA256	   16 /* 32 bytes of the whole file; all zero: FIN will say */
#define PROTOCOL_OPEN_NAME_LENGTH  48 /* u16, 1 to PROTOCOL_NAME_MAX */
#define PROTOCOL_OPEN_NAME	   50 /* UTF-8, not terminated */
#define PROTOCOL_OPEN_DATAGRAM_MIN 256

/* OPEN_ACK */
#define PROTOCOL_OPEN_ACK_ECHO	 0 /* u32, time field of the OPEN it answers */
#define PROTOCOL_OPEN_ACK_DELAY	 4 /* u32, microseconds from its arrival to this answer */
#define PROTOCOL_OPEN_ACK_WINDOW 8 /* u32, chunks that may be on their way at once */
#define PROTOCOL_OPEN_ACK_LENGTH 12

/* STATUS. Chunks are counted from 0. */
#define PROTOCOL_STATUS_CUMULATIVE 0  /* u32, chunks received without a gap from the first */
#define PROTOCOL_STATUS_HIGHEST	   4  /* u32, 1 + highest chunk received, 0 for none */
#define PROTOCOL_STATUS_ECHO	   8  /* u32, time field of the newest datagram that arrived */
#define PROTOCOL_STATUS_DELAY	   12 /* u32, microseconds from its arrival to this STATUS */
#define PROTOCOL_STATUS_RECEIVED   16 /* u32, DATA datagrams that arrived, repeats included */
#define PROTOCOL_STATUS_SPURIOUS   20 /* u32, of those: new packet number, chunk already here */
#define PROTOCOL_STATUS_WINDOW	   24 /* u32, chunks that may be on their way at once */
#define PROTOCOL_STATUS_FIRST	   28 /* u32, the chunk of the bitmap's first bit */
#define PROTOCOL_STATUS_BITS	   32 /* u32, bits in the bitmap, 0 to PROTOCOL_STATUS_BITS_MAX */
#define PROTOCOL_STATUS_BITMAP	   36 /* (bits + 7) / 8 bytes; bit i: 0x80 >> i % 8 of byte i / 8 */
#define PROTOCOL_STATUS_BITS_MAX   8192

/* PROBE: PROTOCOL_PROBE_LENGTH zeros, so that its answer is not larger than it. */
#define PROTOCOL_PROBE_LENGTH 88

/* FIN, padded with zeros to PROTOCOL_FIN_LENGTH for the same reason. */
#define PROTOCOL_FIN_SHA256  0	/* 32 bytes, of the whole file */
#define PROTOCOL_FIN_PACKETS 32 /* u32, DATA datagrams sent so far, repairs included */
#define PROTOCOL_FIN_LENGTH  88

/* FIN_ACK */
#define PROTOCOL_FIN_ACK_VERDICT    0  /* u32, enum protocol_verdict */
#define PROTOCOL_FIN_ACK_SHA256	    4  /* 32 bytes, of what the receiver wrote */
#define PROTOCOL_FIN_ACK_RECEIVED   36 /* u32, DATA datagrams that arrived, repeats included */
#define PROTOCOL_FIN_ACK_DUPLICATES 40 /* u32, of those: chunk already here */
#define PROTOCOL_FIN_ACK_CONFLICTS  44 /* u32, of those: with other bytes than the first time */
#define PROTOCOL_FIN_ACK_LENGTH	    48

enum protocol_verdict {
	PROTOCOL_VERDICT_COMPLETE = 1, /* hashes are equal, the file has its name */
	PROTOCOL_VERDICT_MISMATCH = 2, /* hashes differ, the file was thrown away */
};

/* ABORT */
#define PROTOCOL_ABORT_CODE	   0 /* u16, enum protocol_abort */
#define PROTOCOL_ABORT_TEXT_LENGTH 2 /* u16 */
#define PROTOCOL_ABORT_TEXT	   4 /* UTF-8, for people; may be cut short */
#define PROTOCOL_ABORT_TEXT_MAX	   200

enum protocol_abort {
	PROTOCOL_ABORT_UNKNOWN_TRANSFER =
		1,		      /* the receiver does not know this id (was it restarted?) */
	PROTOCOL_ABORT_PROTOCOL = 2,  /* a datagram contradicts the transfer's OPEN */
	PROTOCOL_ABORT_NAME = 3,      /* the name is not acceptable */
	PROTOCOL_ABORT_EXISTS = 4,    /* a file of that name is there already */
	PROTOCOL_ABORT_TOO_LARGE = 5, /* larger than the receiver accepts */
	PROTOCOL_ABORT_BUSY = 6,      /* too many transfers at once: OPEN again later */
	PROTOCOL_ABORT_NO_SPACE = 7,  /* the receiver's disk or quota is full */
	PROTOCOL_ABORT_IO = 8,	      /* reading or writing the file failed */
	PROTOCOL_ABORT_CANCELLED = 9, /* someone stopped the program */
	PROTOCOL_ABORT_TIMEOUT = 10,  /* silence, or a deadline passed */
};

/* Limits */
#define PROTOCOL_NAME_MAX  200	 /* bytes */
#define PROTOCOL_CHUNK_MIN 256	 /* bytes */
#define PROTOCOL_CHUNK_MAX 65467 /* bytes: IPv4's 65535 - 20 - 8 - 40 */

#endif
