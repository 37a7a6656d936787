#!/bin/sh
# udp-stream: every number once, in order, at the pace that was asked for.
. "$(dirname "$0")/lib.sh"

topology stream <<XXX
transfer t { from = alpine-1 to = alpine-2 format = raw files = "stream.conf"
	sender = { "$BUILD/nodes/udp-stream", "--count", "500", "--warm-up", "10", "--size", "256", "--pps", "1000" }
	receiver = { "$BUILD/nodes/udp-stream", "--listen" } }
XXX
run stream
folder=$work/captures/stream/latest/run
has "the sink counts all" '^510 datagrams, 130560 bytes' "$folder/logs/alpine-2.udp-stream.log"
tshark -r "$folder/alpine-2.eth0.pcapng" -Y 'udp.dstport == 10000' -T fields -e udp.payload \
	-e frame.time_epoch >payloads 2>/dev/null
same "datagrams on the wire" 510 "$(wc -l <payloads)"
# Each word of each is 7573 and the number: what is not so is printed.
same "numbers, in every word" "" "$(awk '{
	word = sprintf("7573%012x", NR <= 10 ? 0 : NR - 10)
	rest = $1
	gsub(word, "", rest)
	if (rest != "" || length($1) != 512) print NR, $1 }' payloads | head -n 3)"
# 509 gaps of 1 ms; the machine may be busy at either end.
# shellcheck disable=SC2016
ok "the pace" awk 'NR == 1 { first = $2 } END { t = $2 - first; if (t < 0.4 || t > 0.8) { print t; exit 1 } }' payloads

"$BUILD/nodes/udp-stream" --help >out 2>&1
same "--help: exit status" 0 $?
for wrong in "" "127.0.0.1" "--listen" "--size 7 127.0.0.1 9" "--size 12 127.0.0.1 9" "127.0.0.1 0" "--nonsense"; do
	# shellcheck disable=SC2086
	"$BUILD/nodes/udp-stream" $wrong >out 2>&1
	same "'udp-stream $wrong': exit status" 2 $?
done
"$BUILD/nodes/udp-stream" --count 1 203.0.113.300 9 >out 2>&1
same "no such host: exit status" 1 $?
finish
