#!/bin/sh
# The coursework's own pattern: bare datagrams of two files from one socket to the broadcast address.
. "$(dirname "$0")/lib.sh"

cd "$top" || exit 1
status=0
"$harness" run --captures "$work/captures" topologies/raw.conf >"$work/out" 2>&1 || status=$?
cd "$work" || exit 1
report=$work/captures/raw/latest/report.json
same "exit status" 0 "$status"
[ "$status" = 0 ] || cat out
same "both servers see every datagram of both files" "pass" \
	"$(jq -r '[.runs[].files[] | .outcome] | unique | join(" ")' "$report")"
same "no chunk is lost" 0 "$(jq '[.runs[].files[].datagrams.lost] | add' "$report")"
for run in captures/raw/latest/*/; do
	same "$(basename "$run"): one source port" 1 "$(tshark -r "$run/alpine-1.eth0.pcapng" \
		-Y 'ip.dst == 192.168.122.255' -T fields -e udp.srcport 2>/dev/null | sort -u | wc -l)"
done
has "the report tells which chunks arrived" 'alpine-3.*1\.png.*[0-9]+ of [0-9]+ chunks' out

# One file per socket, unicast: told apart by their ports.
cp "$top/topologies/files/1.png" "$top/topologies/files/2.png" .
topology unicast <<EOF
transfer pictures { from = alpine-1 to = { alpine-2, alpine-3 } format = raw
	files = { "1.png", "2.png" } mode = multi-thread }
EOF
run unicast
same "unicast: exit status" 0 "$status"
[ "$status" = 0 ] || cat unicast.out
same "unicast: the receivers' files are the pictures" "pass" \
	"$(jq -r '[.runs[].files[].receiver.outcome] | unique | join(" ")' "$report")"
finish
