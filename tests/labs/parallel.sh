#!/bin/sh
# Four shells at once, the same topology, the same captures folder: all pass.
. "$(dirname "$0")/lib.sh"

pids=
for i in 1 2 3 4; do
	"$harness" run --captures "$work/captures" "$top/topologies/3alpine.conf" >"out$i" 2>&1 &
	pids="$pids $!"
done
n=0
for pid in $pids; do
	n=$((n + 1))
	status=0
	wait "$pid" || status=$?
	same "shell $n" 0 "$status"
	[ "$status" = 0 ] || cat "out$n"
done
same "four folders" 4 "$(find captures/3alpine -mindepth 1 -maxdepth 1 -type d | wc -l)"
finish
