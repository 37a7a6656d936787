#!/bin/sh
# The node programs by themselves, on the loopback interface of a network namespace of their own.
. "$(dirname "$0")/lib.sh"
if [ -z "${LOOPBACK:-}" ]; then
	cd "$top" && rm -rf "$work"
	LOOPBACK=1 exec unshare -n -m sh "$top/tests/labs/$(basename "$0")"
fi
ip link set lo up
ip address add 10.0.0.1/8 dev lo

send=$BUILD/nodes/udp-send recv=$BUILD/nodes/udp-recv
for i in 1 2 3; do
	head -c 5000 /dev/urandom >"f$i"
done

# receive DIR ADDRESS OPTION...: start udp-recv, wait until it listens.
receivers=
receive() {
	dir=$1 address=$2
	shift 2
	mkdir "$dir"
	"$recv" --dir "$dir" --bind "$address" --quiet "$@" &
	receivers="$receivers $!"
	for _ in $(seq 500); do
		ss -uln | grep -q "$address\]*:10000 " && return
	done
	echo "udp-recv does not listen"
	stop_receivers
	exit 1
}

stop_receivers() {
	# shellcheck disable=SC2086
	kill $receivers
	# shellcheck disable=SC2086
	wait $receivers
	receivers=
}

for mode in multi-process multi-thread multi-process-async multi-thread-async event-loop sequential; do
	receive "$mode-1" 10.0.0.1
	receive "$mode-2" 10.0.0.2
	"$send" --mode "$mode" --workers 2 --source-port 20000 --to 10.0.0.1,10.0.0.2 \
		--report report --quiet f1 f2 f3
	same "$mode: exit status" 0 $?
	same "$mode: a port per file and receiver, in the order given" \
		"f1 10.0.0.1 20000 f1 10.0.0.2 20001 f2 10.0.0.1 20002 f2 10.0.0.2 20003 f3 10.0.0.1 20004 f3 10.0.0.2 20005" \
		"$(jq -r '[.transfers[] | "\(.file) \(.to) \(.source_port)"] | join(" ")' report)"
	stop_receivers
	for to in "$mode-1" "$mode-2"; do
		same "$mode: the files at $to" "$(cat f1 f2 f3 | sha256sum)" \
			"$(cat "$to/f1" "$to/f2" "$to/f3" | sha256sum)"
	done
done

receive raw 10.0.0.1 --format raw
"$send" --format raw --mode event-loop --source-port 65533 --to 10.0.0.1 --quiet f1 f2 f3
same "raw: exit status" 0 $?
"$send" --format raw --mode multi-thread \
	--shared-socket --source-port 40000 --to 10.0.0.1 --quiet f1 f2 f3
same "raw, one socket: exit status" 0 $?
stop_receivers
same "raw: a port per file, or one" \
	"10.0.0.1-40000.bin 10.0.0.1-65533.bin 10.0.0.1-65534.bin 10.0.0.1-65535.bin" \
	"$(cd raw && echo *)"

"$send" --source-port 65531 --to 10.0.0.1,10.0.0.2 f1 f2 f3 2>err
same "ports beyond the last: exit status" 2 $?
has "ports beyond the last: message" '^udp-send: --source-port: 6 transfers do not fit between 65531 and 65535' err
"$send" --source-port 0 --to 10.0.0.1 f1 2>err
same "port 0: exit status" 2 $?
has "port 0: message" '^udp-send: --source-port: 0 is not between 1 and 65535' err
receive taken 10.0.0.1
"$send" --source-port 10000 --to 10.0.0.1 f1 2>err
same "a port that is taken: exit status" 1 $?
has "a port that is taken: message" 'f1 .*bind a UDP socket to port 10000: Address already in use' err
stop_receivers

# A file that is large enough to go through blocks of memory.
head -c 30000000 /dev/urandom >large
mkdir small
mount -t tmpfs -o size=8m none small
receive small/full 10.0.0.1
"$send" --to 10.0.0.1 --quiet large 2>err
same "a full disk: exit status" 1 $?
has "a full disk: message" 'large .*No space left on device' err
stop_receivers
same "a full disk: nothing is left" "" "$(ls -A small/full)"
umount small

receive whole 10.0.0.1
"$send" --mode multi-thread --to 10.0.0.1 --quiet large f1
same "a large file: exit status" 0 $?
"$send" --to 10.0.0.1 --quiet large 2>err
same "a large file again: exit status" 1 $?
has "a large file again: message" 'large .*File exists' err
stop_receivers
ok "a large file: it is whole" cmp large whole/large
same "a large file: nothing else is left" "f1 large" "$(cd whole && find . -type f | sed 's,./,,' | sort | xargs)"
finish
