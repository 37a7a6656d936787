#!/bin/sh
# dhcp-client.sh INTERFACE COMMAND...: gets an address for the interface by DHCP, as busybox's
# udhcpc does, and becomes the command. udhcpc calls this file back, with what it was given in the
# environment (udhcpc(8)).
set -eu

case $1 in
deconfig)
	ip address flush dev "${interface:?}"
	;;
bound | renew)
	ip address replace "${ip:?}/${mask:?}" dev "${interface:?}"
	for gateway in ${router:-}; do
		ip route replace default via "$gateway" dev "$interface"
	done
	# In place: the file is mounted over the host's.
	{
		[ -z "${domain:-}" ] || echo "search $domain"
		for server in ${dns:-}; do
			echo "nameserver $server"
		done
	} >/etc/resolv.conf
	echo "$interface: $ip/$mask, gateway ${router:-none}, names from ${dns:-nobody}"
	;;
leasefail | nak)
	;;
*)
	busybox udhcpc -i "$1" -n -q -f -s "$0"
	shift
	exec "$@"
	;;
esac
