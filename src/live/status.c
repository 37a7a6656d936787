#include "live/status.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/json_value.h"
#include "topology/address.h"

#define SCHEMA "harness-lab/1"

/* ---- of a lab ---- */

static void describe_interface(struct interface_status *s, const struct topology *t,
			       const struct interface *iface)
{
	char buf[ADDRESS_TEXT_LEN], mac[MAC_TEXT_LEN];
	struct text addresses = { 0 };

	for (size_t i = 0; i < iface->n_addresses; i++)
		text_add(&addresses, "%s%s", i != 0 ? " " : "",
			 address_format(buf, &iface->addresses[i]));
	s->name = text_dup(iface->name);
	s->network = text_dup(t->networks[iface->network].name);
	s->mac = text_dup(mac_format(mac, iface->mac));
	s->addresses = text_take(&addresses);
}

static void describe_node(struct node_status *s, const struct topology *t, const struct node *n)
{
	s->name = text_dup(n->name);
	s->interfaces = array_new(n->n_interfaces, sizeof(*s->interfaces));
	s->n_interfaces = n->n_interfaces;
	for (size_t i = 0; i < n->n_interfaces; i++)
		describe_interface(&s->interfaces[i], t, &n->interfaces[i]);
}

static char *describe_listens(const struct command *c)
{
	struct text t = { 0 };

	for (size_t i = 0; i < c->n_listens; i++)
		text_add(&t, "%s%s/%u", i != 0 ? " " : "",
			 c->listens[i].protocol == IPPROTO_TCP ? "tcp" : "udp", c->listens[i].port);
	return text_take(&t);
}

static void describe_program(struct program_status *s, const struct lab_status *lab,
			     const struct command *c, const struct program_evidence *p)
{
	static const char *const states[] = {
		[PROGRAM_NEW] = "new",
		[PROGRAM_RUNNING] = "running",
		[PROGRAM_EXITED] = "exited",
		[PROGRAM_KILLED] = "killed",
	};

	s->name = text_dup(c->name);
	s->node = text_dup(lab->nodes[p->node].name);
	s->state = text_dup(states[p->state]);
	s->status = p->status;
	s->pid = p->pid;
	s->listens = describe_listens(c);
	s->log = text_format("%s/%s/%s", lab->folder, lab->run, p->log);
}

void status_describe(struct lab_status *s, const struct topology *t, const struct evidence *ev)
{
	s->nodes = array_new(t->n_nodes, sizeof(*s->nodes));
	s->n_nodes = t->n_nodes;
	for (size_t i = 0; i < t->n_nodes; i++)
		describe_node(&s->nodes[i], t, &t->nodes[i]);
	s->programs = array_new(ev->n_programs, sizeof(*s->programs));
	s->n_programs = ev->n_programs;
	for (size_t i = 0; i < ev->n_programs; i++)
		describe_program(&s->programs[i], s, &t->commands[i], &ev->programs[i]);
}

void status_done(struct lab_status *s)
{
	for (size_t i = 0; i < s->n_nodes; i++) {
		for (size_t k = 0; k < s->nodes[i].n_interfaces; k++) {
			free(s->nodes[i].interfaces[k].name);
			free(s->nodes[i].interfaces[k].network);
			free(s->nodes[i].interfaces[k].mac);
			free(s->nodes[i].interfaces[k].addresses);
		}
		free(s->nodes[i].interfaces);
		free(s->nodes[i].name);
	}
	for (size_t i = 0; i < s->n_programs; i++) {
		free(s->programs[i].name);
		free(s->programs[i].node);
		free(s->programs[i].state);
		free(s->programs[i].listens);
		free(s->programs[i].log);
	}
	free(s->nodes);
	free(s->programs);
	free(s->name);
	free(s->topology);
	free(s->run);
	free(s->state);
	free(s->folder);
	*s = (struct lab_status){ 0 };
}

/* ---- to JSON ---- */

static json_t *words_of(const char *text)
{
	json_t *array = json_checked(json_array());

	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		cleanup_free char *word = text_format("%.*s", (int)len, text);

		json_append(array, json_string_of(word));
		text += len + (text[len] == ' ');
	}
	return array;
}

static json_t *interface_of(const struct interface_status *s)
{
	json_t *o = json_checked(json_object());

	json_set(o, "name", json_string_of(s->name));
	json_set(o, "network", json_string_of(s->network));
	json_set(o, "mac", json_string_of(s->mac));
	json_set(o, "addresses", words_of(s->addresses));
	return o;
}

static json_t *node_of(const struct node_status *s)
{
	json_t *o = json_checked(json_object());
	json_t *interfaces = json_checked(json_array());

	for (size_t i = 0; i < s->n_interfaces; i++)
		json_append(interfaces, interface_of(&s->interfaces[i]));
	json_set(o, "name", json_string_of(s->name));
	json_set(o, "interfaces", interfaces);
	return o;
}

static json_t *program_of(const struct program_status *s)
{
	json_t *o = json_checked(json_object());

	json_set(o, "name", json_string_of(s->name));
	json_set(o, "node", json_string_of(s->node));
	json_set(o, "state", json_string_of(s->state));
	json_set(o, "status", json_checked(json_integer(s->status)));
	json_set(o, "pid", json_checked(json_integer(s->pid)));
	json_set(o, "listens", words_of(s->listens));
	json_set(o, "log", json_string_of(s->log));
	return o;
}

static json_t *document_of(const struct lab_status *s)
{
	json_t *o = json_checked(json_object());
	json_t *nodes = json_checked(json_array()), *programs = json_checked(json_array());

	for (size_t i = 0; i < s->n_nodes; i++)
		json_append(nodes, node_of(&s->nodes[i]));
	for (size_t i = 0; i < s->n_programs; i++)
		json_append(programs, program_of(&s->programs[i]));
	json_set(o, "schema", json_string_of(SCHEMA));
	json_set(o, "name", json_string_of(s->name));
	json_set(o, "topology", json_string_of(s->topology));
	json_set(o, "run", json_string_of(s->run));
	json_set(o, "state", json_string_of(s->state));
	json_set(o, "folder", json_string_of(s->folder));
	json_set(o, "uid", json_count_of(s->uid));
	json_set(o, "pid", json_checked(json_integer(s->pid)));
	json_set(o, "since", json_count_of(s->since_s));
	json_set(o, "nodes", nodes);
	json_set(o, "programs", programs);
	return o;
}

char *status_write(const struct lab_status *s)
{
	json_t *o = document_of(s);
	char *text = json_dumps(o, JSON_INDENT(2));

	if (text == NULL)
		abort();
	json_decref(o);
	return text;
}

/* ---- from JSON ---- */

static char *string_in(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return text_dup(s != NULL ? s : "");
}

static int64_t number_in(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static char *words_in(const json_t *o, const char *key)
{
	const json_t *array = json_object_get(o, key);
	struct text t = { 0 };

	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *word = json_string_value(json_array_get(array, i));

		text_add(&t, "%s%s", i != 0 ? " " : "", word != NULL ? word : "");
	}
	return text_take(&t);
}

static void read_node(struct node_status *s, const json_t *o)
{
	const json_t *interfaces = json_object_get(o, "interfaces");

	s->name = string_in(o, "name");
	s->n_interfaces = json_array_size(interfaces);
	s->interfaces = array_new(s->n_interfaces, sizeof(*s->interfaces));
	for (size_t i = 0; i < s->n_interfaces; i++) {
		const json_t *one = json_array_get(interfaces, i);

		s->interfaces[i].name = string_in(one, "name");
		s->interfaces[i].network = string_in(one, "network");
		s->interfaces[i].mac = string_in(one, "mac");
		s->interfaces[i].addresses = words_in(one, "addresses");
	}
}

static void read_program(struct program_status *s, const json_t *o)
{
	s->name = string_in(o, "name");
	s->node = string_in(o, "node");
	s->state = string_in(o, "state");
	s->status = (int)number_in(o, "status");
	s->pid = (pid_t)number_in(o, "pid");
	s->listens = words_in(o, "listens");
	s->log = string_in(o, "log");
}

static void read_document(struct lab_status *s, const json_t *o)
{
	const json_t *nodes = json_object_get(o, "nodes");
	const json_t *programs = json_object_get(o, "programs");

	s->name = string_in(o, "name");
	s->topology = string_in(o, "topology");
	s->run = string_in(o, "run");
	s->state = string_in(o, "state");
	s->folder = string_in(o, "folder");
	s->uid = (uid_t)number_in(o, "uid");
	s->pid = (pid_t)number_in(o, "pid");
	s->since_s = (uint64_t)number_in(o, "since");
	s->n_nodes = json_array_size(nodes);
	s->nodes = array_new(s->n_nodes, sizeof(*s->nodes));
	for (size_t i = 0; i < s->n_nodes; i++)
		read_node(&s->nodes[i], json_array_get(nodes, i));
	s->n_programs = json_array_size(programs);
	s->programs = array_new(s->n_programs, sizeof(*s->programs));
	for (size_t i = 0; i < s->n_programs; i++)
		read_program(&s->programs[i], json_array_get(programs, i));
}

int status_read(const char *json, size_t len, struct lab_status *ret_status, struct err *e)
{
	json_error_t error;
	json_t *o = json_loadb(json, len, 0, &error);
	const char *schema = json_string_value(json_object_get(o, "schema"));

	if (schema == NULL || strcmp(schema, SCHEMA) != 0) {
		json_decref(o);
		return err_set(e, 0, "its answer is not understood: is it of another version?");
	}
	*ret_status = (struct lab_status){ 0 };
	read_document(ret_status, o);
	json_decref(o);
	return 0;
}
