#include "lab/nat.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "topology/address.h"

/* ---- rules (nft(8)) ---- */

static void add_masquerade(struct text *t, const struct node *n)
{
	text_add(t, "\tchain postrouting {\n"
		    "\t\ttype nat hook postrouting priority srcnat;\n");
	for (size_t i = 0; i < n->n_masquerade; i++)
		text_add(t, "\t\toifname \"%s\" masquerade\n",
			 n->interfaces[n->masquerade[i]].name);
	text_add(t, "\t}\n");
}

static void add_own_addresses(struct text *t, const struct node *n)
{
	char buf[ADDRESS_TEXT_LEN];
	const char *before = "{ ";

	for (size_t i = 0; i < n->n_interfaces; i++)
		for (size_t k = 0; k < n->interfaces[i].n_addresses; k++) {
			const struct address *a = &n->interfaces[i].addresses[k];

			if (a->family != AF_INET)
				continue;
			text_add(t, "%s%s", before, address_format_host(buf, a));
			before = ", ";
		}
	text_add(t, " }");
}

static void add_port_forwards(struct text *t, const struct node *n)
{
	char buf[ADDRESS_TEXT_LEN];

	text_add(t, "\tchain prerouting {\n"
		    "\t\ttype nat hook prerouting priority dstnat;\n");
	for (size_t i = 0; i < n->n_port_forwards; i++) {
		const struct port_forward *f = &n->port_forwards[i];

		text_add(t, "\t\tip daddr ");
		add_own_addresses(t, n);
		text_add(t, " %s dport %u dnat to %s:%u\n",
			 f->protocol == IPPROTO_TCP ? "tcp" : "udp", f->port,
			 address_format_host(buf, &f->to), f->to_port);
	}
	text_add(t, "\t}\n");
}

/* ---- nft ---- */

/* A file in memory that nft reads its rules from, or writes its complaints to. */
static int memory_file(const char *content, int *ret_fd, struct err *e)
{
	cleanup_close int fd = memfd_create("nft", MFD_CLOEXEC);

	if (fd < 0 || fs_write_fd(fd, content, strlen(content), e) != 0 ||
	    lseek(fd, 0, SEEK_SET) != 0)
		return err_set(e, errno, "make a file for nft");
	*ret_fd = take_fd(&fd);
	return 0;
}

static _Noreturn void child(int in, int out)
{
	const char *path = getenv("PATH");
	/* Users without root often have no sbin in theirs. */
	cleanup_free char *longer = text_format("%s:/usr/sbin:/sbin", path != NULL ? path : "/bin");
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("PATH", longer, 1);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2)
		execlp("nft", "nft", "-f", "-", (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

/* The first line that nft wrote: the others show the rule again. */
static int refused(int out, int status, struct err *e)
{
	char line[256];
	ssize_t n = pread(out, line, sizeof(line) - 1, 0);

	if (WIFEXITED(status) && WEXITSTATUS(status) >= 126)
		return err_set(e, 0,
			       "the program nft, which NAT needs, is not installed: 'harness "
			       "doctor' says how to mend that");
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return err_set(e, 0, "nft cannot set up NAT, so this kernel seems to lack it: %s",
		       *line != '\0' ? line : "it ended without a word");
}

static int run_nft(const char *rules, struct err *e)
{
	cleanup_close int in = -1;
	cleanup_close int out = -1;
	int status;
	pid_t pid;

	if (memory_file(rules, &in, e) != 0 || memory_file("", &out, e) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		child(in, out);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			pid = -1;
	if (pid < 0)
		return err_set(e, errno, "run nft");
	return status == 0 ? 0 : refused(out, status, e);
}

int nat_set_up(const struct node *n, struct err *e)
{
	cleanup_by(text_done) struct text rules = { 0 };

	if (n->n_masquerade + n->n_port_forwards == 0)
		return 0;
	text_add(&rules, "table ip harness {\n");
	if (n->n_masquerade != 0)
		add_masquerade(&rules, n);
	if (n->n_port_forwards != 0)
		add_port_forwards(&rules, n);
	text_add(&rules, "}\n");
	return run_nft(rules.s, e);
}

bool nat_available(struct err *why)
{
	struct interface lo = { .name = (char[]){ "lo" } };
	size_t index = 0;
	const struct node n = {
		.interfaces = &lo, .n_interfaces = 1, .masquerade = &index, .n_masquerade = 1
	};

	return nat_set_up(&n, why) == 0;
}
