#include "verify/reassemble.h"

#include <string.h>

#include "../../nodes/lib/protocol.h"
#include "base/array.h"
#include "verify/attempt.h"

struct reassembly *reassembly_new(const struct trial *t)
{
	struct reassembly *r = array_new(1, sizeof(*r));

	r->trial = t;
	r->index_size = 64;
	r->index = array_new(r->index_size, sizeof(*r->index));
	return r;
}

/* ---- attempts ---- */

static size_t hash(uint64_t id, uint16_t port, size_t to)
{
	return (size_t)((id ^ (uint64_t)port << 32 ^ (uint64_t)to) * UINT64_C(0x9e3779b97f4a7c15) >>
			20);
}

static size_t *find_slot(const struct reassembly *r, const struct sighting *s, uint64_t id,
			 uint16_t port)
{
	size_t at = hash(id, port, s->to) & (r->index_size - 1);

	for (;; at = (at + 1) & (r->index_size - 1)) {
		const struct attempt *a = r->index[at] != 0 ? r->attempts[r->index[at] - 1] : NULL;

		if (a == NULL || (a->id == id && a->port == port && a->to == s->to &&
				  a->transfer == s->transfer))
			return &r->index[at];
	}
}

static uint16_t sender_port(const struct sighting *s)
{
	return s->forward ? s->datagram->from_port : s->datagram->to_port;
}

static struct attempt *find(const struct reassembly *r, const struct sighting *s, uint64_t id)
{
	size_t number = *find_slot(r, s, id, sender_port(s));

	return number != 0 ? r->attempts[number - 1] : NULL;
}

static void grow_index(struct reassembly *r)
{
	free(r->index);
	r->index_size *= 2;
	r->index = array_new(r->index_size, sizeof(*r->index));
	for (size_t i = 0; i < r->n; i++) {
		const struct attempt *a = r->attempts[i];
		const struct sighting s = { .transfer = a->transfer, .to = a->to };

		*find_slot(r, &s, a->id, a->port) = i + 1;
	}
}

static struct attempt *add(struct reassembly *r, const struct sighting *s, uint64_t id)
{
	struct attempt *a = array_new(1, sizeof(*a));

	*(struct attempt **)array_add(&r->attempts, &r->n, &r->room, sizeof(a)) = a;
	a->transfer = s->transfer;
	a->to = s->to;
	a->id = id;
	a->port = sender_port(s);
	if (r->n * 2 > r->index_size)
		grow_index(r);
	else
		*find_slot(r, s, id, a->port) = r->n;
	return a;
}

/* ---- OPEN ---- */

static bool names(const struct message *m, const char *name)
{
	size_t len = strlen(name);

	return m->captured >= PROTOCOL_OPEN_NAME + len &&
	       message_u16(m->payload + PROTOCOL_OPEN_NAME_LENGTH) == len &&
	       memcmp(m->payload + PROTOCOL_OPEN_NAME, name, len) == 0;
}

/*
 * The capture kept only the beginning of an OPEN. If it is the one of this file,
 * what follows is known, and the CRC proves it.
 */
static bool would_name(const struct message *m, const char *name, const struct source *s)
{
	uint8_t whole[PROTOCOL_OPEN_NAME + PROTOCOL_NAME_MAX + PROTOCOL_OPEN_DATAGRAM_MIN] = { 0 };
	static const uint8_t unsaid[8];
	size_t len = strlen(name);

	if (m->captured < PROTOCOL_OPEN_SHA256 || m->len > sizeof(whole) ||
	    m->len < PROTOCOL_OPEN_NAME + len || len > PROTOCOL_NAME_MAX)
		return false;
	/* All zero: FIN will say. What was captured of it tells which of the two it is. */
	if (m->captured < PROTOCOL_OPEN_SHA256 + sizeof(unsaid) ||
	    memcmp(m->payload + PROTOCOL_OPEN_SHA256, unsaid, sizeof(unsaid)) != 0)
		memcpy(whole + PROTOCOL_OPEN_SHA256, s->digest.bytes, SHA256_LEN);
	whole[PROTOCOL_OPEN_NAME_LENGTH] = (uint8_t)(len >> 8);
	whole[PROTOCOL_OPEN_NAME_LENGTH + 1] = (uint8_t)len;
	memcpy(whole + PROTOCOL_OPEN_NAME, name, len);
	return message_crc_holds(m, whole + m->captured, m->len - m->captured);
}

/* Which file of its transfer an OPEN offers, or SIZE_MAX. */
static size_t offered_file(const struct reassembly *r, const struct sighting *s,
			   const struct message *m)
{
	const struct transfer *tr = &r->trial->topology->transfers[s->transfer];

	for (size_t i = 0; i < tr->n_files; i++) {
		const struct source *source = &r->trial->sources[s->transfer][i];

		if (m->crc_state == CRC_UNKNOWN ? would_name(m, tr->files[i].name, source)
						: names(m, tr->files[i].name))
			return i;
	}
	return SIZE_MAX;
}

static void see_open(struct reassembly *r, const struct sighting *s, const struct message *m)
{
	struct attempt *a = find(r, s, m->transfer);

	if (a == NULL) {
		size_t file = offered_file(r, s, m);

		if (file == SIZE_MAX)
			return;

		const struct source *source = &r->trial->sources[s->transfer][file];
		uint64_t size = message_u64(m->payload + PROTOCOL_OPEN_SIZE);
		uint32_t chunk = message_u32(m->payload + PROTOCOL_OPEN_CHUNK);

		if (chunk < PROTOCOL_CHUNK_MIN || chunk > PROTOCOL_CHUNK_MAX)
			return;
		a = add(r, s, m->transfer);
		a->file = file;
		assembly_begin(&a->sides[AT_SENDER], source, size, chunk);
		assembly_begin(&a->sides[AT_RECEIVER], source, size, chunk);
	}
	a->sides[s->side].opened = true;
	if (s->side == AT_SENDER && a->opened_ns == 0)
		a->opened_ns = s->datagram->time_ns;
}

/* ---- the others ---- */

static void see_fin(struct attempt *a, const struct message *m)
{
	const struct source *source = a->sides[AT_SENDER].source;

	if (m->captured >= PROTOCOL_FIN_SHA256 + SHA256_LEN)
		a->announced_other = memcmp(m->payload + PROTOCOL_FIN_SHA256, source->digest.bytes,
					    SHA256_LEN) != 0;
}

static void see_end(struct attempt *a, const struct sighting *s, const struct message *m)
{
	if (s->side == AT_SENDER && a->ended_ns == 0)
		a->ended_ns = s->datagram->time_ns;
	if (m->type != PROTOCOL_FIN_ACK || m->captured < PROTOCOL_FIN_ACK_DUPLICATES)
		return;
	a->answered = true;
	a->verdict = message_u32(m->payload + PROTOCOL_FIN_ACK_VERDICT);
	a->received = message_u32(m->payload + PROTOCOL_FIN_ACK_RECEIVED);
}

void reassembly_see(struct reassembly *r, const struct sighting *s)
{
	const struct datagram *d = s->datagram;
	struct message m;

	if (!message_decode(d, &m)) {
		r->unreadable += d->captured < d->len && d->captured < PROTOCOL_HEADER_LENGTH;
		return;
	}

	bool damaged = d->checksum == CHECKSUM_BAD || m.crc_state == CRC_BAD;
	struct attempt *a = find(r, s, m.transfer);

	if (m.type == PROTOCOL_DATA && s->forward && a != NULL)
		assembly_add(&a->sides[s->side], &m);
	else if (damaged)
		return;
	else if (m.type == PROTOCOL_OPEN && s->forward && m.captured >= PROTOCOL_OPEN_SHA256)
		see_open(r, s, &m);
	else if (m.type == PROTOCOL_FIN && s->forward && a != NULL)
		see_fin(a, &m);
	else if ((m.type == PROTOCOL_FIN_ACK || m.type == PROTOCOL_ABORT) && a != NULL)
		see_end(a, s, &m);
}

bool reassembly_flow_ended(const struct reassembly *r, const struct sighting *s)
{
	struct message m;

	if (!message_decode(s->datagram, &m))
		return false;

	const struct attempt *a = find(r, s, m.transfer);

	return a != NULL && a->ended_ns != 0 && s->datagram->time_ns > a->ended_ns;
}

void reassembly_freep(struct reassembly **r)
{
	if (*r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n; i++) {
		assembly_done(&(*r)->attempts[i]->sides[AT_SENDER]);
		assembly_done(&(*r)->attempts[i]->sides[AT_RECEIVER]);
		free((*r)->attempts[i]);
	}
	free((*r)->attempts);
	free((*r)->index);
	free(*r);
	*r = NULL;
}
