#!/bin/sh
# The main job: two pictures to two servers in every mode, and evidence that others can read.
. "$(dirname "$0")/lib.sh"

cd "$top" || exit 1
status=0
"$harness" run --captures "$work/captures" topologies/3alpine.conf >"$work/out" 2>"$work/err" || status=$?
cd "$work" || exit 1
session=$work/captures/3alpine/latest
report=$session/report.json
same "exit status" 0 "$status"
for mode in multi-process multi-thread multi-process-async multi-thread-async event-loop sequential; do
	has "a passing row for $mode" "$mode .*pass" out
	same "$mode: verdict of four files" "pass pass pass pass" \
		"$(jq -r ".runs[] | select(.mode == \"$mode\") | [.files[].outcome] | join(\" \")" "$report")"
done
same "unexplained datagrams" 0 "$(jq '[.runs[].ledger.unexplained] | add' "$report")"
same "every picture was decoded" pass \
	"$(jq -r '[.runs[].files[].picture.outcome] | unique | join(" ")' "$report")"

for run in "$session"/*/; do
	label=$(basename "$run")
	same "$label: one capture per interface and one of all" 4 "$(find "$run" -name '*.pcapng' | wc -l)"
	for f in "$run"*.pcapng; do
		what=$label/$(basename "$f")
		tshark -r "$f" >"$work/tshark.out" 2>"$work/tshark.err"
		same "$what: tshark reads it" 0 $?
		same "$what: without a complaint" "" "$(grep -v 'Running as user' "$work/tshark.err")"
		same "$what: checksums" "" "$(tshark -r "$f" -o udp.check_checksum:TRUE \
			-Y 'udp.checksum.status==0 || ip.checksum.status==0' 2>/dev/null)"
	done
	has "$label: time order" 'Strict time order: +True' \
		"$(capinfos "$run/merged.pcapng" >"$work/capinfos" 2>&1; echo "$work/capinfos")"
	tshark -r "$run/merged.pcapng" -N n -T fields -e ip.src_host >"$work/names" 2>/dev/null
	has "$label: node names resolve" '^alpine-1$' names
	same "$label: the copies of a frame share a packet id" true "$(tshark -r "$run/merged.pcapng" \
		-Y udp -T fields -e frame.packet_id 2>/dev/null | sort | uniq -c |
		awk '$1 != 3 {bad = 1} END {print bad ? "false" : "true"}')"
done

# The dissector: a Lua error would leave tshark's exit status at 0.
run=$session/mode=sequential
dissect() {
	tshark -X "lua_script:$top/captures/harness.lua" -r "$run/merged.pcapng" "$@" 2>>"$work/lua.err"
}
same "the dissector knows every datagram" "$(tshark -r "$run/merged.pcapng" -Y udp 2>/dev/null | wc -l)" \
	"$(dissect -Y harness | wc -l)"
same "the dissector: nothing malformed" "" "$(dissect -Y '_ws.lua.error || _ws.malformed || harness.length.bad')"
same "the dissector: the files offered" "1.png 2.png" \
	"$(dissect -Y 'harness.open.name' -T fields -e harness.open.name | sort -u | tr '\n' ' ' | sed 's/ $//')"
same "the dissector: without a complaint" "" "$(grep -v 'Running as user' "$work/lua.err")"

ok "report.json keeps to its schema" python3 -c '
import json, sys, jsonschema
schema, report = (json.load(open(f)) for f in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(report)' \
	"$top/src/report/report.schema.json" "$report"
ok "junit.xml is XML" python3 -c 'import sys, xml.etree.ElementTree as x; x.parse(sys.argv[1])' \
	"$session/junit.xml"
same "junit.xml: no failure" 0 "$(grep -c '<failure' "$session/junit.xml")"
has "report.tap is TAP" '^1\.\.[0-9]+$' "$session/report.tap"
same "report.tap: nothing not ok" 0 "$(grep -c '^not ok' "$session/report.tap")"
ok "the topology lies beside the reports" cmp "$session/topology.conf" "$top/topologies/3alpine.conf"
same "results on stdout, progress on stderr" 6 "$(grep -c 'pass' "$work/err")"

# As sudo leaves the environment: what was asked for belongs to whoever asked.
SUDO_UID=65534 SUDO_GID=65534 "$harness" run --captures "$work/theirs" --only mode=sequential \
	"$top/topologies/3alpine.conf" >/dev/null 2>&1
same "evidence belongs to the caller of sudo" "" "$(find "$work/theirs" -not -user 65534)"
finish
