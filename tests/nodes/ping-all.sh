#!/bin/sh
# ping-all.sh yes/ADDRESS no/ADDRESS...: pings all of them at once, and says which did not answer
# as expected. For random_topology.py.

# One that is expected gets time, on a machine that has other things to do.
ping_one() { # EXPECTED ADDRESS
	wait=5
	[ "$1" = yes ] || wait=1
	found=no
	! ping -n -q -c 1 -W "$wait" "$2" >/dev/null 2>&1 || found=yes
	[ "$found" = "$1" ] || echo "$2: expected $1, found $found"
}

for peer in "$@"; do
	ping_one "${peer%%/*}" "${peer#*/}" &
done
wait
