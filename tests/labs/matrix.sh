#!/bin/sh
# A matrix of runs: what is left out, what is chosen, and several runs at the same time.
. "$(dirname "$0")/lib.sh"
alone

cp "$top/topologies/files/1.png" "$top/topologies/files/2.png" .
mkdir cwd met
machine >machine.before

# verdicts REPORT: what was proved of each run, without what is a matter of time: a sender that waits
# for a busy receiver may repeat what was not lost.
verdicts() {
	jq -c '.runs[] | [.label, .seed, .outcome, .reasons, (.variables | map(.value)),
		[.files[] | [.node, .file, .outcome, 
			(.receiver, .capture, .picture | del(.repeated_byte_ranges))]],
		[.programs[] | [.name, .outcome, .ended]], [.captures[] | [.name, .outcome]],
		.ledger.unexplained]' "$1"
}

labels() {
	jq -r '[.runs[].label] | join(" ")' "$report"
}

outcomes() {
	jq -r '[.runs[].outcome] | join(" ")' "$report"
}

# folders NAME: of the runs of the last session.
folders() {
	find "captures/$1/latest/" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | xargs
}

# schema WHAT: the last report keeps to it.
schema() {
	ok "$1: report.json keeps to its schema" python3 -c '
import json, sys, jsonschema
schema, report = (json.load(open(f)) for f in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(report)' \
		"$top/src/report/report.schema.json" "$report"
}

# ---- twelve runs, one at a time and four at a time ----

topology twelve <<EOF
$all_modes
vary file { values = { 1.png, 2.png } }
transfer t { from = alpine-1 to = { alpine-2, alpine-3 } files = "%{file}" mode = "%{mode}" }
EOF
# Each datagram has its fate from the seed, whoever runs beside it.
sed -i '/^node alpine-3/ s/address/loss = 5%  address/' twelve.conf

run twelve
same "one at a time: exit status" 0 "$status"
same "one at a time: jobs in the report" 1 "$(jq .jobs "$report")"
verdicts "$report" >one
same "one at a time: twelve runs" 12 "$(wc -l <one)"
same "one at a time: times are its own" 0 "$(grep -c 'side by side' twelve.out)"
has "a table of rows and columns" '^  mode \\ file +1\.png +2\.png$' twelve.out
run twelve --jobs 4
same "four at a time: exit status" 0 "$status"
same "four at a time: jobs in the report" 4 "$(jq .jobs "$report")"
verdicts "$report" >four
ok "four at a time: the same verdicts in the same order" cmp one four
same "four at a time: a folder for each" 12 "$(folders twelve | wc -w)"
same "four at a time: captures for each" 12 \
	"$(find captures/twelve/latest/ -mindepth 2 -name merged.pcapng | wc -l)"
has "four at a time: the report says so" 'side by side' twelve.out
schema "four at a time"
ok "four at a time: nothing is left" machine_settles_to machine.before
run twelve --jobs auto --only mode=sequential
same "--jobs auto: as many as there are processors" "$(nproc)" "$(jq .jobs "$report")"

# ---- they are at the same time, or never ----

cat >meet <<EOF
#!/bin/sh
# Goes on when two have come.
mktemp "$work/met/XXXXXX"
n=0
while [ "\$(find "$work/met" -type f | wc -l)" -lt 2 ]; do
	n=\$((n + 1))
	[ \$n -lt 400 ] || exit 1
	sleep 0.05
done
exec "$BUILD/nodes/udp-send" "\$@"
EOF
cat >avoid <<EOF
#!/bin/sh
# Will have nobody beside it.
mkdir "$work/occupied" || exit 1
"$BUILD/nodes/udp-send" "\$@"
status=\$?
rmdir "$work/occupied"
exit \$status
EOF
chmod +x meet avoid
for sender in meet avoid; do
	topology $sender <<EOF
vary mode { values = { multi-process, sequential, event-loop } }
transfer t { from = alpine-1 to = alpine-2 files = "1.png" mode = "%{mode}" sender = "./$sender" }
EOF
done
run meet --jobs 2
same "--jobs 2: programs of two runs meet" 0 "$status"
run avoid
same "--jobs 1: they never do" 0 "$status"
run avoid --jobs 1 --repeat 3
same "--jobs 1: with --repeat neither" "0 9" "$status $(jq '.runs | length' "$report")"

# ---- one that hangs, and one that fails ----

printf '#!/bin/sh\nexec "%s" "$@"\n' "$BUILD/nodes/udp-send" >fine
cp fine also
cp fine last
printf '#!/bin/sh\nexec sleep 1000\n' >hang
printf '#!/bin/sh\nexit 3\n' >bad
chmod +x fine also last hang bad
topology hangs <<'EOF'
deadline = 5s
vary sender { values = { fine, hang, also } }
transfer t { from = alpine-1 to = alpine-2 files = "1.png" sender = "./%{sender}" }
EOF
run hangs --jobs 3
same "a deadline: exit status" 124 "$status"
same "a deadline of one run is not that of the others" "pass fail pass" "$(outcomes)"
same "a deadline: only that run was past it" "sender=hang" \
	"$(jq -r '.runs[] | select(.past_deadline) | .label' "$report")"

topology fails <<'EOF'
vary sender { values = { fine, bad, also, last } }
transfer t { from = alpine-1 to = alpine-2 files = "1.png" sender = "./%{sender}" }
EOF
run fails --fail-fast
same "--fail-fast: exit status" 1 "$status"
same "--fail-fast: what was run" "sender=fine sender=bad" "$(labels)"
same "--fail-fast: no folder of others" "sender=bad sender=fine" "$(folders fails)"
has "--fail-fast: the rest is not run" '^4 runs: 1 passed, 1 failed, 2 not run' fails.out
schema "--fail-fast"
run fails --fail-fast --jobs 4
same "--fail-fast with --jobs: exit status" 1 "$status"
ok "--fail-fast with --jobs: the one that failed is there" jq -e \
	'any(.runs[]; .label == "sender=bad" and .outcome == "fail")' "$report"
same "--fail-fast with --jobs: in the order of the plan" "$(labels)" \
	"$(for l in fine bad also last; do labels | grep -ow "sender=$l"; done | xargs)"
same "--fail-fast with --jobs: folders of those that were run" \
	"$(labels | tr ' ' '\n' | sort | xargs)" "$(folders fails)"
run fails
same "without it all are run" "pass fail pass pass" "$(outcomes)"

# ---- many seeds ----

run twelve --only mode=sequential,event-loop --repeat 3 --jobs 3
same "--repeat with --jobs: exit status" 0 "$status"
same "--repeat with --jobs: in order" "1 2 3 1 2 3 1 2 3 1 2 3" \
	"$(jq -r '[.runs[].seed] | join(" ")' "$report")"
same "--repeat with --jobs: figures" "time ns 3 goodput bit/s 3" \
	"$(jq -r '[.series[0].figures[] | .name, .unit, .runs] | join(" ")' "$report")"
ok "--repeat: a spread is in order" jq -e 'all(.series[].figures[]; .least <= .quarter and
	.quarter <= .median and .median <= .three_quarters and .three_quarters <= .most)' "$report"
has "--repeat: median, least and most" '^ +run +figure +of runs +median +least +most' twelve.out
has "--repeat: medians in rows and columns" 'goodput, median of the runs that passed' twelve.out
schema "--repeat with --jobs"
run fails --repeat 12 --jobs 4
same "of a combination that fails eight folders stay" 8 "$(folders fails | wc -w)"
same "they are the first eight" "1 2 3 4 5 6 7 8" \
	"$(jq -r '[.runs[] | select(.folder != null) | .seed] | join(" ")' "$report")"

# ---- what is left out, and what is chosen ----

sed '/^vary file/ a exclude { mode = { multi-process, multi-thread } }\nexclude { file = 2.png  mode = sequential }' \
	twelve.conf >less.conf
run less --only file=2.png --jobs 2
same "exclude and --only: exit status" 0 "$status"
same "exclude and --only: what was run" \
	"mode=multi-process-async,file=2.png mode=multi-thread-async,file=2.png mode=event-loop,file=2.png" \
	"$(labels)"
"$harness" check less.conf --only mode=sequential,event-loop --only file=1.png >less.check
has "check --only: the plan of what is left" ', 2 runs$' less.check
has "check --only: a run" '  2  mode=sequential,file=1.png$' less.check
"$harness" check twelve.conf >twelve.check
has "check: runs that differ by the last variable are a line" \
	'^ +1-2  mode=multi-process,file=\{1.png,2.png\}$' twelve.check
same "check: what differs by values is printed once" 1 "$(grep -c '^programs$' twelve.check)"
has "check: a variable stands for its values" 'sender .*%\{mode\}, reliable' twelve.check
run less --only mode=sequential --only mode=event-loop --only file=1.png,2.png
same "values of one variable add up" 3 "$(jq '.runs | length' "$report")"

# refused WHAT MESSAGE OPTION...: by check and run, with exit status 2.
refused() {
	subject=$1 message=$2
	shift 2
	for command in check run; do
		status=0
		"$harness" $command less.conf "$@" >out 2>&1 || status=$?
		same "$subject: $command: exit status" 2 "$status"
		has "$subject: $command: message" "$message" out
	done
}
refused "an unknown variable" "no variable 'mod', but mode, file; did you mean 'mode'" --only mod=x
refused "an unknown value" "'3.png' is no value of 'file', which has 1.png, 2.png" --only file=1.png,3.png
refused "no value" "takes NAME=VALUE, not 'file'" --only file
refused "nothing is left" "leaves no run" --only file=2.png --only mode=sequential
for wrong in "--jobs 0" "--jobs many" "--jobs 1000"; do
	# shellcheck disable=SC2086
	run less $wrong
	same "'$wrong': exit status" 2 "$status"
	has "'$wrong': message" "harness: --jobs takes " less.out
done

# ---- ended in the middle ----

topology long <<EOF
$all_modes
transfer big { from = alpine-1 to = alpine-2 files = "big" mode = "%{mode}" rate = 2mbit }
EOF
head -c 20000000 /dev/urandom >big

# senders: how many senders of the session $pid run.
senders() {
	for s in $(pgrep -P "$pid"); do
		pgrep -P "$s" -x udp-send
	done | wc -l
}

# start JOBS: a session of long runs, until as many send; its pid is in $pid.
start() {
	cd cwd || exit 1
	"$harness" run --captures "$work/captures" --jobs "$1" "$work/long.conf" >../long.out 2>&1 &
	pid=$!
	cd ..
	until [ "$(senders)" -ge "$1" ] || ! kill -0 "$pid"; do
		sleep 0.02
	done
}
report=captures/long/latest/report.json
start 3
kill -INT "$pid"
status=0
wait "$pid" || status=$?
same "Ctrl-C: exit status" 130 "$status"
same "Ctrl-C: three runs were stopped in good order" "3 true" \
	"$(jq -r '"\(.runs | length) \(all(.runs[]; .interrupted))"' "$report")"
has "Ctrl-C: the others were not run" '3 not run, interrupted' long.out
ok "Ctrl-C: nothing is left" machine_settles_to machine.before

start 4
kill -9 "$pid"
wait "$pid" 2>/dev/null
ok "kill -9: nothing is left" machine_settles_to machine.before

# A supervisor that is killed takes its own run with it, and no other.
start 2
kill -9 "$(pgrep -P "$pid" | head -n 1)"
until grep -q '^\[1/6\]' long.out || ! kill -0 "$pid"; do
	sleep 0.02
done
ok "a supervisor is killed: the session goes on" kill -0 "$pid"
ok "a supervisor is killed: the other run goes on" [ "$(senders)" -ge 1 ]
kill -INT "$pid"
wait "$pid" 2>/dev/null
same "a supervisor is killed: only its own run was not interrupted" "mode=multi-process" \
	"$(jq -r '.runs[] | select(.interrupted | not) | .label' "$report")"
ok "a supervisor is killed: nothing is left" machine_settles_to machine.before

# ---- two sessions at once ----

"$harness" run --captures "$work/captures" --jobs 3 twelve.conf >a.out 2>&1 &
pid=$!
run twelve --jobs 3
same "two sessions at once: this one" 0 "$status"
status=0
wait "$pid" || status=$?
same "two sessions at once: the other one" 0 "$status"
find captures/twelve -mindepth 1 -maxdepth 1 -type d | sort | tail -n 2 >sessions
while read -r session; do
	verdicts "$session/report.json" >both
	ok "two sessions at once: the same verdicts" cmp one both
done <sessions
ok "two sessions at once: nothing is left" machine_settles_to machine.before
finish
