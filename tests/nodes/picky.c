/*
 * picky: a receiver of udp-stream with a fault that only certain losses bring out.
 *
 *	picky PORT [NUMBER...]
 *
 * It exits with 3 when a datagram comes that was sent after all of these and none of these has
 * come; without numbers, at the first one. Told to stop it exits with 0.
 */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define MAX_WANTED 16

static unsigned long wanted[MAX_WANTED];
static bool came[MAX_WANTED];
static int n_wanted;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(99);
}

/* What every 8 bytes of a datagram say, see udp-stream --help. */
static unsigned long number_of(const uint8_t word[8])
{
	unsigned long number = 0;

	for (int i = 2; i < 8; i++)
		number = number << 8 | word[i];
	return number;
}

static void look_at(unsigned long number)
{
	bool all_missing = true, later = true;

	for (int i = 0; i < n_wanted; i++) {
		came[i] |= wanted[i] == number;
		all_missing &= !came[i];
		later &= number > wanted[i];
	}
	if (all_missing && later)
		exit(3);
}

static void take(int fd)
{
	uint8_t word[8];

	while (recv(fd, word, sizeof(word), MSG_DONTWAIT) == sizeof(word))
		look_at(number_of(word));
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	sigset_t term;

	if (argc < 2 || argc > 2 + MAX_WANTED)
		return 2;
	for (n_wanted = 0; n_wanted < argc - 2; n_wanted++)
		wanted[n_wanted] = strtoul(argv[2 + n_wanted], NULL, 10);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);

	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
				{ .fd = signalfd(-1, &term, 0), .events = POLLIN } };

	at.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		die("bind");
	while (fds[1].revents == 0) {
		if (poll(fds, 2, -1) < 0)
			die("poll");
		take(fd);
	}
	return 0;
}
