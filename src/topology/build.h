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

/* An address that a node relies on: who has it is known when all nodes are there. */
struct seen_gateway {
	size_t node;
	size_t network; /* that it is on, NOT_RESOLVED: any */
	struct address address;
	const char *key;
	size_t at;
};

/*
 * What the keys of impairments fill: both directions of a link, or, in out { } and in { }, one.
 * begin functions of blocks that have such keys say so by impaired_begin(); impaired_end() judges
 * what only all keys together can tell.
 */
struct impaired {
	struct impairment *to[N_DIRECTIONS];
	bool concerned[N_DIRECTIONS]; /* by the keys being set now */
	/* Offsets of the values of keys that this block has, 0: it has not. */
	size_t at[N_DIRECTIONS][N_IMPAIRMENT_KEYS];
	bool doubtful[N_DIRECTIONS]; /* a value was refused: what is left is not judged */
};

struct builder {
	struct topology *t;
	const struct document *doc;
	struct matrix *matrix;
	struct problem_list *problems;
	const char *folder;	       /* of the topology file, with a slash, or "" */
	const struct section *section; /* whose keys are being set */
	const struct key *key;	       /* that is being set */
	size_t n_given;		       /* values that it has in the file, good or not */
	bool refused;		       /* by build_refuse(), one of them */
	struct impaired impaired;      /* of the interface or fault that is being built */
	bool *doubtful;		       /* per node: an address or network of it was refused */
	struct seen_address *addresses;
	size_t n_addresses, addresses_room;
	struct seen_mac *macs;
	size_t n_macs, macs_room;
	struct seen_gateway *gateways;
	size_t n_gateways, gateways_room;
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
/* An index into topology.nodes, NOT_RESOLVED when there is none of that name, which is reported. */
size_t build_find_node(struct builder *b, const struct value *v);
#define NOT_RESOLVED SIZE_MAX
/* Likewise an index into topology.commands. */
size_t build_find_command(struct builder *b, const struct value *v);
/* Report it when `from` cannot reach `to`, which the value names. */
void build_check_path(struct builder *b, size_t from, size_t to, const struct value *v);
/* Report it when the block around has another block of this kind. */
void build_check_once(struct builder *b, const struct section *s);
/* How many blocks of this kind lie directly in that one. */
size_t build_count(const struct builder *b, const struct section *parent,
		   const struct section_kind *kind);
int build_line(const struct builder *b, size_t at);
/* Whether it is an expression (base/pattern.h); when not, that is reported. */
bool build_check_pattern(struct builder *b, const struct value *v);
/* metric.c: a decimal number, 1.5 or 1e-6; false: it is none. */
bool build_number(const char *text, double *ret);
/* A path of the file: absolute, or below the folder of the file (free). */
char *build_path(const struct builder *b, const char *path);
/* fault_check.c: the end of a fault's block. */
void fault_end(struct builder *b, void *object, const struct section *s);
/*
 * fault.c: the link that the value names as NODE/INTERFACE, or NODE when it has only one; both
 * become NOT_RESOLVED when there is none, which is reported.
 */
void build_find_link(struct builder *b, const struct value *v, size_t *ret_node,
		     size_t *ret_interface);
/* expect.c: a new condition without limits; it stays where it is until the next is added. */
struct condition *expect_add(struct expectation *e, enum condition_kind kind);
/* expect_check.c: the end of an expectation's block. */
void expect_end(struct builder *b, void *object, const struct section *s);
/* events.c: "server ready", "client output DONE", "fault cut". */
void events_fill(struct builder *b, struct expectation *e, const struct value *values, size_t n);
/* When all are there: what one says of another, and which links have an engine. */
void build_check_faults(struct builder *b);
void build_check_commands(struct builder *b);
void build_mark_engines(struct builder *b);
/*
 * words.c: the words of a command, NULL-terminated: those of the list, or, of one value, as a
 * shell would split it. A program with a slash is a file; without one it is looked up in PATH when
 * it is run. NULL after the value was refused.
 */
char **build_command(struct builder *b, const struct value *values, size_t n);
/* translation.c, whose rows are in routing.c */
void node_set_masquerade(struct builder *b, void *object, const struct value *values, size_t n);
void node_set_port_forward(struct builder *b, void *object, const struct value *values, size_t n);
/* routing.c: an interface of the node by its name, NOT_RESOLVED after the value was refused. */
size_t build_find_interface(struct builder *b, const struct node *node, const char *name,
			    const struct value *v);
/* Somebody must have this address: build_check_gateways() will see. */
void build_expect_owner(struct builder *b, size_t network, const struct address *a,
			const struct value *v);
/* When all nodes are there: the addresses that they rely on, and MTUs that differ in a network. */
void build_check_gateways(struct builder *b);
void build_check_mtus(struct builder *b);
/* node.c: MAC addresses for the interfaces that were given none. */
void build_derive_macs(struct builder *b);

/* impaired.c */

/* Both directions, none of whose keys is given yet. */
void impaired_begin(struct builder *b, struct impairment *out, struct impairment *in);
void impaired_end(struct builder *b);
/* This key has a value that was refused: if it is one of them, nothing is judged by it. */
void impaired_doubt(struct builder *b, const struct key *key);
/* Whether it was one of them: which were given is then not known. */
bool impaired_is_doubtful(const struct builder *b);
/* Whether one of them was given for this direction. */
bool impaired_has(const struct builder *b, enum direction d);
/* The first of the file that was given, and its place; NULL when none was. */
const struct key *impaired_first(const struct builder *b, size_t *ret_at);
/* drop.c: "3", "20-25", "5 of udp 10.0.0.1:*1 > 10.0.0.2:10000"; replaces those that were. */
void drop_fill(struct builder *b, struct impairment *to, const struct value *values, size_t n);

#endif
