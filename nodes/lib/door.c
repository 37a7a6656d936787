#include "door.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Closing a listening socket resets what is queued there, requests that were sent included. So
 * drop every SYN, let handshakes that had begun end, accept what is queued, and close it then: a
 * client that came too late repeats its SYN and is refused, nobody listening any more.
 */
void door_shut(int listen_fd)
{
	struct sock_filter no_syn[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), /* the flags of the TCP header */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog filter = { .len = sizeof(no_syn) / sizeof(no_syn[0]), .filter = no_syn };

	/* Without it, what comes between the last accept(2) and close(2) is reset. */
	(void)setsockopt(listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}
