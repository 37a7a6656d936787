#include "verify/reassemble.h"

#include <inttypes.h>
#include <string.h>

#include "../../nodes/lib/protocol.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "verify/assembly.h"
#include "verify/layer.h"

/* One try to send one file to one receiver; the sender may have needed several. */
struct attempt {
	size_t transfer, to, file;
	uint64_t id;
	uint16_t port;		      /* of the sender */
	struct assembly sides[2];     /* by enum side */
	uint64_t opened_ns, ended_ns; /* at the sender: first OPEN, first FIN_ACK or ABORT */
	bool answered;		      /* FIN_ACK was seen */
	uint32_t verdict, received;   /* of FIN_ACK */
	bool announced_other;	      /* FIN's SHA-256 is not the source's */
};

struct reassembly {
	const struct trial *trial;
	struct attempt **attempts;
	size_t n, room;
	size_t *index; /* open addressing: 1 + number, 0: free */
	size_t index_size;
	size_t unreadable; /* datagrams of which too little was captured to see the header */
};

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

/* ---- judging ---- */

static bool of_delivery(const struct attempt *a, const struct delivery *d)
{
	return a->transfer == d->transfer && a->to == d->to && a->file == d->file;
}

/* Whole and right over whole over fuller; of equals, the later one. */
static bool at_least_as_good(const struct assembly *a, const struct assembly *b)
{
	bool a_whole = assembly_whole(a), b_whole = assembly_whole(b);

	if (a_whole != b_whole)
		return a_whole;
	if (a_whole && (a->n_different == 0) != (b->n_different == 0))
		return a->n_different == 0;
	return a->have.set >= b->have.set;
}

static const struct attempt *best_attempt(const struct reassembly *r, const struct delivery *d,
					  enum side side)
{
	const struct attempt *best = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct attempt *a = r->attempts[i];

		if (!of_delivery(a, d) || (!a->sides[side].opened && a->sides[side].data == 0))
			continue;
		if (best == NULL || at_least_as_good(&a->sides[side], &best->sides[side]))
			best = a;
	}
	return best;
}

/* Nothing at all was seen of it. */
static void judge_unseen(const struct reassembly *r, const struct trial *t,
			 const struct delivery *d, enum side side, struct layer *l)
{
	const char *filter = t->topology->capture.filter;
	char place[96];

	trial_place(t, d, side, place);
	if (d->source->map.len != 0)
		ranges_add(&l->missing, 0, d->source->map.len - 1);
	if (r->unreadable != 0)
		layer_set(l, OUTCOME_SKIP,
			  "captures keep too little of each packet (%u bytes) to "
			  "read the protocol's header",
			  t->topology->capture.snaplen);
	else if (filter != NULL)
		layer_set(l, OUTCOME_SKIP, "the capture filter '%s' let nothing of it through",
			  filter);
	else if (!t->watched[trial_side_node(t, d, side)])
		layer_set(l, OUTCOME_INCONCLUSIVE,
			  "nothing of it was seen at %s, whose capture is incomplete", place);
	else
		layer_set(l, OUTCOME_FAIL, "nothing of it was seen at %s", place);
}

/* Chunks are missing: is that what happened, or what the capture missed? */
static void judge_missing(const struct trial *t, const struct delivery *d, enum side side,
			  const struct assembly *a, struct layer *l)
{
	const char *filter = t->topology->capture.filter;
	cleanup_free char *where = ranges_format(&l->missing, 4);
	char place[96];

	trial_place(t, d, side, place);
	if (filter != NULL || !t->watched[trial_side_node(t, d, side)])
		layer_set(l, OUTCOME_INCONCLUSIVE,
			  "%" PRIu64 " of %" PRIu64 " chunks were not seen at %s, %s: bytes %s",
			  a->n_chunks - a->have.set, a->n_chunks, place,
			  filter != NULL ? "where a capture filter is set"
					 : "whose capture is incomplete",
			  where);
	else
		layer_set(l, OUTCOME_FAIL, "%" PRIu64 " of %" PRIu64 " chunks %s %s%s: bytes %s",
			  a->n_chunks - a->have.set, a->n_chunks,
			  side == AT_SENDER ? "never left" : "never arrived whole at", place,
			  a->corrupted != 0 || a->unproven != 0
				  ? ", where damaged datagrams were seen"
				  : "",
			  where);
}

static void judge_different(const struct trial *t, const struct delivery *d, enum side side,
			    const struct assembly *a, struct layer *l)
{
	const uint8_t *source = a->source->map.data;
	uint64_t at = a->first_difference;
	char place[96];

	trial_place(t, d, side, place);
	if (a->patched == NULL || a->patched[at] == source[at])
		layer_set(
			l, OUTCOME_FAIL,
			"what was captured at %s is not the source: it differs from offset %" PRIu64
			" on",
			place, at);
	else
		layer_set(l, OUTCOME_FAIL,
			  "what was captured at %s differs at offset %" PRIu64
			  " (0x%02x instead of 0x%02x, with good checksums)",
			  place, at, a->patched[at], source[at]);
}

static void judge_side(const struct reassembly *r, const struct trial *t, const struct delivery *d,
		       enum side side, struct layer *l)
{
	const struct attempt *best = best_attempt(r, d, side);

	if (!trial_captured(t, d, side, l))
		return;
	if (best == NULL) {
		judge_unseen(r, t, d, side, l);
		return;
	}

	const struct assembly *a = &best->sides[side];

	assembly_describe(a, l);
	if (a->size != d->source->map.len)
		layer_set(l, OUTCOME_FAIL,
			  "its OPEN announced %" PRIu64 " bytes, and the source has %zu", a->size,
			  d->source->map.len);
	else if (a->n_different != 0)
		judge_different(t, d, side, a, l);
	else if (!assembly_whole(a))
		judge_missing(t, d, side, a, l);
	else if (best->announced_other)
		layer_set(l, OUTCOME_FAIL, "its FIN announced a SHA-256 that is not the source's");
	else
		l->outcome = OUTCOME_PASS;
}

/* Datagrams and times over all attempts. */
static void account(const struct reassembly *r, struct delivery *d)
{
	struct datagram_account *n = &d->verdict->datagrams;
	uint32_t chunk = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct attempt *a = r->attempts[i];
		const struct assembly *out = &a->sides[AT_SENDER], *in = &a->sides[AT_RECEIVER];

		if (!of_delivery(a, d))
			continue;
		chunk = out->chunk;
		n->sent += out->data;
		n->repairs += out->repeats;
		n->arrived += in->undamaged;
		n->duplicated += in->duplicated;
		n->reordered += in->reordered;
		n->corrupted += in->corrupted + in->unproven;
		if (a->answered && in->undamaged > a->received)
			d->dropped += in->undamaged - a->received;
		if (a->opened_ns != 0 && (d->started_ns == 0 || a->opened_ns < d->started_ns))
			d->started_ns = a->opened_ns;
		if (a->ended_ns > d->ended_ns)
			d->ended_ns = a->ended_ns;
	}
	if (chunk != 0)
		n->ideal = (d->source->map.len + chunk - 1) / chunk;
	/* Copies made on the way are no gain. */
	uint64_t distinct = n->arrived - (n->duplicated < n->arrived ? n->duplicated : n->arrived);

	n->lost = n->sent > distinct ? n->sent - distinct : 0;
}

void reassembly_judge(const struct reassembly *r, const struct trial *t, struct delivery *d)
{
	judge_side(r, t, d, AT_SENDER, &d->verdict->sender);
	judge_side(r, t, d, AT_RECEIVER, &d->verdict->capture);
	account(r, d);
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
