#!/bin/sh
# harness calibrate: links do what they are asked to, and the figures are those of the captures.
. "$(dirname "$0")/lib.sh"

# calibrate NAME [OPTION...]: of $work/NAME.conf; the report in $report, status in $status.
# A machine that is busy with something else misses a time now and then; a link that does not do
# what it is asked to does not do it the next time, either.
calibrate() {
	name=$1
	shift
	report=$work/$name.json
	for _ in 1 2 3; do
		status=0
		TMPDIR=$work timeout 300 "$harness" calibrate --json "$@" "$work/$name.conf" >"$report" 2>err || status=$?
		[ "$status" = 1 ] || break
	done
}

# link NAME KEYS: a and b on a switch, a's link with these keys.
link() {
	cat >"$work/$1.conf" <<XXX
switch S {}
node a { interface eth0 { network = S  address = 10.0.0.1/24
	$2 } }
node b { interface eth0 { network = S } }
XXX
}

# verdicts DIRECTION: "delay=ok ..." of what was asked for, and of what was not and yet is.
verdicts() {
	jq -r --arg d "$1" '[.directions[] | select(.direction == $d) | .properties[]
		| select(.verdict != "not asked") | "\(.property)=\(.verdict)"] | join(" ")' "$report"
}

link shares 'out { delay = 10ms  loss = 2%  duplicate = 3%  corrupt = 2%  reorder = 5% }
	in { loss = { 2%, 20% }  drop-every = 50 }'
calibrate shares --packets 20000
same "shares: exit status" 0 "$status"
same "shares: out" "delay=ok delay p99=ok loss=ok duplicate=ok reorder=ok corrupt=ok" "$(verdicts out)"
same "shares: in, bursts" "loss=ok" "$(verdicts in)"
same "shares: by so many packets" 20000 \
	"$(jq '.directions[0].properties[] | select(.property == "loss").packets' "$report")"
same "shares: the sum of what is asked in" "0.109" \
	"$(jq '.directions[1].properties[] | select(.property == "loss").asked * 1000 | round / 1000' "$report")"
ok "the engine is named" jq -e '.directions[0].engine | startswith("user (")' "$report"
# (reorder is told by time, which is never quite the same.)
counts() {
	jq -c '[.directions[0].properties[] | select(.property == ("loss", "duplicate", "corrupt")).measured]' "$report"
}
first=$(counts)
calibrate shares --packets 20000
same "the same seed, the same counts" "$first" "$(counts)"

link times 'out { delay = 20ms  jitter = 5ms  jitter-shape = normal }
	in { delay = 5ms  rate = 10mbit  queue = 30KiB }'
calibrate times --packets 2000 --seconds 4
same "times: exit status" 0 "$status"
same "times: out" "delay=ok delay p99=ok jitter=ok" "$(verdicts out)"
same "times: in" "delay=ok delay p99=ok rate=ok queue=ok" "$(verdicts in)"
ok "jitter is measured with frames that do not wait for each other" \
	jq -e '.directions[0].streams | map(.purpose) == ["counts", "times"] and .[1].packets_per_second < 100' "$report"

if python3 -c 'import jsonschema' 2>/dev/null; then
	ok "the report keeps to its schema" python3 -c "
import json, jsonschema
jsonschema.validate(json.load(open('$report')), json.load(open('$top/src/report/calibration.schema.json')))"
else
	skip "the report keeps to its schema" "python3 with jsonschema is not installed"
fi

# As a person reads it, and what runs have alike is measured once.
cat >table.conf <<'XXX'
vary mode { values = { sequential, event-loop } }
vary loss { values = { "1%", "50%" } }
hub H {}
node peer { interface eth0 { network = H  address = 10.0.0.1/24  out { loss = "%{loss}" } } }
node b { interface eth0 { network = H  address = 10.0.0.2/24 } }
transfer t { from = peer  to = b  files = "table.conf"  mode = "%{mode}" }
XXX
status=0
TMPDIR=$work "$harness" calibrate --packets 2000 table.conf >out 2>err || status=$?
same "table: exit status" 0 "$status"
has "table: loss" '^  peer/eth0 +out +loss +50% +[0-9.]+% +[0-9.]+% +[0-9.]+% +2000  ✓ ok$' out
same "table: two of the four runs" 2 "$(grep -c '^  peer/eth0 .* loss ' out)"
has "table: the sum" '^2 of 2 figures are as asked$' out
has "progress" '^\[2/2\] peer/eth0 out: loss 50%' err
same "no folder is left" "" "$(find "$work" -maxdepth 1 -name 'harness-*')"

link clean ''
"$harness" calibrate clean.conf >out 2>&1
same "nothing impaired: exit status" 2 $?
has "nothing impaired: message" 'no link of clean.conf is impaired' out
"$harness" calibrate nowhere.conf >out 2>&1
same "no such topology: exit status" 2 $?
for wrong in "" "--packets 0 times.conf" "--pps x times.conf" "--engine tc times.conf" "--nonsense"; do
	# shellcheck disable=SC2086
	"$harness" calibrate $wrong >out 2>&1
	same "'calibrate $wrong': exit status" 2 $?
done
"$harness" calibrate --pps 10 --quiet times.conf >out 2>&1 &
pid=$!
until pgrep -x udp-stream >/dev/null; do
	kill -0 "$pid" || break
done
kill -INT "$pid"
status=0
wait "$pid" || status=$?
same "Ctrl-C: exit status" 130 "$status"
finish
