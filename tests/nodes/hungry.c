/*
 * hungry: a program that wants more than it is given.
 *
 *	hungry memory BYTES	uses so much, and says that it had it
 *	hungry cpu MS		computes for so long, and says which share of the time it had
 *	hungry child BYTES	a child uses so much; exits with 0 whatever becomes of it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void eat(size_t bytes)
{
	char *p = malloc(bytes);
	volatile char *used = p;

	if (p == NULL)
		exit(99);
	for (size_t i = 0; i < bytes; i += 1024)
		used[i] = 1;
	printf("had all of it\n");
	free(p);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void compute(double for_s)
{
	double began = seconds(CLOCK_MONOTONIC), passed;

	do {
		passed = seconds(CLOCK_MONOTONIC) - began;
	} while (passed < for_s);
	printf("share %.3f\n", seconds(CLOCK_PROCESS_CPUTIME_ID) / passed);
}

static void let_child_eat(size_t bytes)
{
	pid_t pid = fork();

	if (pid == 0) {
		eat(bytes);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (n != 0 && strcmp(argv[1], "memory") == 0)
		eat(n);
	else if (n != 0 && strcmp(argv[1], "cpu") == 0)
		compute((double)n / 1000);
	else if (n != 0 && strcmp(argv[1], "child") == 0)
		let_child_eat(n);
	else
		return 98;
	return 0;
}
