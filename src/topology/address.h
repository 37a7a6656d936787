/* address: IPv4, IPv6 and MAC addresses as text and as bits. */
#ifndef HARNESS_TOPOLOGY_ADDRESS_H
#define HARNESS_TOPOLOGY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "topology/topology.h"

#define ADDRESS_TEXT_LEN (INET6_ADDRSTRLEN + 4)
#define MAC_TEXT_LEN	 18

/*
 * "192.168.1.2/24" or "2001:db8::1/64", an address that a host can have. The
 * error is the second half of a sentence, as in units.h.
 */
int address_parse(const char *text, struct address *ret_address, struct err *e);
/* "192.168.1.2": as address_parse(), without a prefix length (it becomes all bits). */
int address_parse_host(const char *text, struct address *ret_address, struct err *e);
/* "10.2.0.0/16", or a host alone: no bit behind the prefix is set. */
int address_parse_subnet(const char *text, struct address *ret_subnet, struct err *e);
/* With its prefix length; returns buf. */
char *address_format(char buf[ADDRESS_TEXT_LEN], const struct address *a);
/* The same host address, whatever the prefix lengths. */
bool address_equal(const struct address *a, const struct address *b);
/* Whether some address belongs to both subnets. */
bool address_subnets_overlap(const struct address *a, const struct address *b);
/* Whether the address belongs to the subnet of the other one. */
bool address_in_subnet(const struct address *a, const struct address *subnet);
/* Whether both have the same subnet: address and length. */
bool address_same_subnet(const struct address *a, const struct address *b);
/* fe80::/10: valid on one link only, so the same subnet is on all of them (RFC 4291, 2.5.6). */
bool address_is_link_local(const struct address *a);
/* Without its prefix length; returns buf. */
char *address_format_host(char buf[ADDRESS_TEXT_LEN], const struct address *a);
/* "192.168.1.0/24": the subnet of an address; returns buf. */
char *address_format_subnet(char buf[ADDRESS_TEXT_LEN], const struct address *a);

/* "42:21:88:16:e9:c5": six hexadecimal pairs, neither multicast nor all zero. */
int mac_parse(const char *text, uint8_t ret_mac[6], struct err *e);
char *mac_format(char buf[MAC_TEXT_LEN], const uint8_t mac[6]);
/* Locally administered, from the names alone; another one for each value of `attempt`. */
void mac_derive(const char *node, const char *interface, unsigned attempt, uint8_t ret_mac[6]);

#endif
