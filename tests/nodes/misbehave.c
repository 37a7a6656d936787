/*
 * misbehave: a receiver (or sender) with one fault, for testing that the harness sees it.
 *
 *	receiver = { "misbehave", "flip-byte" }
 *
 * The arguments behind the fault are those of udp-recv (udp-send). Most faults
 * run the real program as a child and spoil its work.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
	int argc;
	char **argv; /* of the real program, argv[0] to be replaced */
	const char *dir;
	int port;
};

static volatile sig_atomic_t told;

static void on_term(int signal)
{
	told = signal;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(99);
}

static const char *value_of(const struct call *c, const char *option)
{
	for (int i = 1; i + 1 < c->argc; i++)
		if (strcmp(c->argv[i], option) == 0)
			return c->argv[i + 1];
	return NULL;
}

/* The real program lies beside the tests: BUILD/tests/nodes/misbehave, BUILD/nodes/udp-recv. */
static _Noreturn void exec_real(const struct call *c, const char *name)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

	if (n < 0)
		die("readlink");
	path[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	strcat(path, "/nodes/");
	strcat(path, name);
	c->argv[0] = path;
	execv(path, c->argv);
	die(path);
}

static pid_t start_real(const struct call *c)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		signal(SIGTERM, SIG_DFL);
		exec_real(c, "udp-recv");
	}
	return pid;
}

/* Until told to stop; then stop the real one, and return how it ended. */
static int run_real(const struct call *c)
{
	sigset_t term, old;
	int status;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &old);
	signal(SIGTERM, on_term);

	pid_t pid = start_real(c);

	while (!told)
		sigsuspend(&old);
	kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static void for_each_file(const struct call *c, void (*spoil)(const char *path))
{
	DIR *d = opendir(c->dir);
	const struct dirent *entry;
	char path[PATH_MAX];

	if (d == NULL)
		die(c->dir);
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && snprintf(path, sizeof(path), "%s/%s", c->dir,
							entry->d_name) < (int)sizeof(path))
			spoil(path);
	closedir(d);
}

static void spoil_flip(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	char byte;

	if (fd < 0 || fstat(fd, &st) != 0 || pread(fd, &byte, 1, st.st_size / 2) != 1)
		die(path);
	byte = (char)(byte ^ 0x10);
	if (pwrite(fd, &byte, 1, st.st_size / 2) != 1 || close(fd) != 0)
		die(path);
}

static void spoil_truncate(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || truncate(path, st.st_size - 100) != 0)
		die(path);
}

static void spoil_twice(const char *path)
{
	int in = open(path, O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct stat st;
	char *bytes;

	if (in < 0 || out < 0 || fstat(in, &st) != 0 ||
	    (bytes = malloc((size_t)st.st_size)) == NULL ||
	    read(in, bytes, (size_t)st.st_size) != st.st_size ||
	    write(out, bytes, (size_t)st.st_size) != st.st_size)
		die(path);
	free(bytes);
	close(in);
	close(out);
}

static void spoil_absent(const char *path)
{
	if (unlink(path) != 0)
		die(path);
}

static int run_flip(const struct call *c)
{
	int status = run_real(c);

	for_each_file(c, spoil_flip);
	return status;
}

static int run_truncate(const struct call *c)
{
	int status = run_real(c);

	for_each_file(c, spoil_truncate);
	return status;
}

static int run_twice(const struct call *c)
{
	int status = run_real(c);

	for_each_file(c, spoil_twice);
	return status;
}

static int run_absent(const struct call *c)
{
	int status = run_real(c);

	for_each_file(c, spoil_absent);
	return status;
}

static int bind_port(const struct call *c)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons((in_port_t)c->port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0)
		die("bind");
	return fd;
}

/* Has the port, never reads from it. */
static int run_hang(const struct call *c)
{
	bind_port(c);
	while (pause() < 0)
		continue;
	return 0;
}

/* Dies of a null pointer with the first datagram. */
static int run_crash(const struct call *c)
{
	char byte;
	int fd = bind_port(c);

	if (recv(fd, &byte, 1, 0) < 0)
		die("recv");
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return 1;
}

static int run_exit_3(const struct call *c)
{
	int status = run_real(c);

	return status == 0 ? 3 : status;
}

static int run_exit_early(const struct call *c)
{
	char byte;

	return recv(bind_port(c), &byte, 1, 0) < 0;
}

static int run_ignore_term(const struct call *c)
{
	signal(SIGTERM, SIG_IGN);
	start_real(c);
	while (pause() < 0)
		continue;
	return 0;
}

/* proc_pid_net(5): the local port is behind the first colon of an address, in hexadecimal. */
static int port_is_bound(int port)
{
	static const char *const tables[] = { "/proc/self/net/udp", "/proc/self/net/udp6" };
	char wanted[8], line[256];
	int found = 0;

	snprintf(wanted, sizeof(wanted), ":%04X ", port);
	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(tables[i], "re");

		while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
			found = strstr(line, wanted) != NULL;
		if (f != NULL)
			fclose(f);
	}
	return found;
}

/* As daemon(3): the process that was started ends, its grandchild receives. */
static int run_daemon(const struct call *c)
{
	if (fork() > 0) {
		/* Not before the port is bound, or the harness would say that instead. */
		while (!port_is_bound(c->port))
			usleep(1000);
		return 0;
	}
	setsid();
	if (fork() > 0)
		_exit(0);
	exec_real(c, "udp-recv");
}

static int run_never_ready(const struct call *c)
{
	(void)c;
	while (pause() < 0)
		continue;
	return 0;
}

static int run_kill_self(const struct call *c)
{
	(void)c;
	raise(SIGKILL);
	return 1;
}

static int run_flood(const struct call *c)
{
	for (int i = 0; i < 200000; i++)
		printf("line %d of a program that talks too much \033[31m\001\n", i);
	fflush(stdout);
	run_real(c);
	return 3;
}

static const struct fault {
	const char *name;
	int (*run)(const struct call *c);
} faults[] = {
	{ "flip-byte", run_flip },
	{ "truncate", run_truncate },
	{ "twice", run_twice },
	{ "absent", run_absent },
	{ "hang", run_hang },
	{ "crash", run_crash },
	{ "exit-3", run_exit_3 },
	{ "exit-early", run_exit_early },
	{ "ignore-term", run_ignore_term },
	{ "daemon", run_daemon },
	{ "never-ready", run_never_ready },
	{ "kill-self", run_kill_self },
	{ "flood", run_flood },
};

int main(int argc, char **argv)
{
	struct call c = { argc - 1, argv + 1, NULL, 10000 };

	if (argc < 2) {
		fprintf(stderr, "usage: misbehave FAULT ARGUMENT...\n");
		return 2;
	}
	c.dir = value_of(&c, "--dir");
	if (value_of(&c, "--port") != NULL)
		c.port = atoi(value_of(&c, "--port"));
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strcmp(argv[1], faults[i].name) == 0)
			return faults[i].run(&c);
	fprintf(stderr, "misbehave: there is no fault '%s'\n", argv[1]);
	return 2;
}
