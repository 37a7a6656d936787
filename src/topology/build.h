/*
 * build: a document becomes the struct topology of one run. The tables of
 * grammar.h say which function sets what; those functions get a struct builder
 * and report mistakes to it. They never fail: what is wrong is left out, and
 * the caller throws the topology away when anything was reported.
 */
#ifndef HARNESS_TOPOLOGY_BUILD_H
#define HARNESS_TOPOLOGY_BUILD_H

#include "topology/address.h"
#include "topology/document.h"
#include "topology/matrix.h"
#include "topology/topology.h"

/* A subnet, MAC or address that was seen, to find the second one. */
struct seen_address {
	struct address address;
	size_t network;
	size_t at;
};

struct seen_mac {
	uint8_t mac[6];
	size_t at;
};

struct builder {
	struct topology *t;
	const struct document *doc;
	struct matrix *matrix;
	struct problem_list *problems;
	const char *folder;	       /* of the topology file, with a slash, or "" */
	const struct section *section; /* whose keys are being set */
	const struct key *key;	       /* that is being set */
	bool *doubtful;		       /* per node: an address or network of it was refused */
	struct seen_address *addresses;
	size_t n_addresses, addresses_room;
	struct seen_mac *macs;
	size_t n_macs, macs_room;
};

/*
 * The topology of the run that the matrix has chosen (topology_free). Complete
 * only when nothing was added to *problems.
 */
struct topology *build_topology(const struct document *d, struct matrix *matrix, const char *path,
				struct problem_list *problems);

/* For the functions of the tables. */

/* "KEY 'VALUE' WHY" at the value. */
void build_refuse(struct builder *b, const struct value *v, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* At the key if the block has it, else at the block. */
void build_complain(struct builder *b, const struct section *s, const char *key, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));
/* The words that stand for 0, 1, ...; -1 when the value is none of them, which is reported. */
int build_choose(struct builder *b, const struct value *v, const char *const *words, size_t n);
/* A value of yes or no. */
void build_set_flag(struct builder *b, bool *flag, const struct value *v);
/* How many blocks of this kind lie directly in that one. */
size_t build_count(const struct builder *b, const struct section *parent,
		   const struct section_kind *kind);
int build_line(const struct builder *b, size_t at);
/* A path of the file: absolute, or below the folder of the file (free). */
char *build_path(const struct builder *b, const char *path);
/* node.c: MAC addresses for the interfaces that were given none. */
void build_derive_macs(struct builder *b);

#endif
