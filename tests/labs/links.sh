#!/bin/sh
# Impaired links: transfers across them, fates that repeat, faults on a clock, and an account of
# every datagram.
. "$(dirname "$0")/lib.sh"

head -c 20000 /dev/urandom >small
head -c 3000000 /dev/urandom >big

# impaired NAME OUT [IN]: the three hosts, alpine-1's link with these keys; the rest from stdin.
impaired() {
	{
		cat <<EOF
hub Hub1 {}
node alpine-1 {
	interface eth0 {
		network = Hub1  address = "192.168.122.72/24"
		out { $2 }
		in { ${3:-} }
	}
}
node alpine-2 { interface eth0 { network = Hub1  address = "192.168.122.223/24" } }
node alpine-3 { interface eth0 { network = Hub1  address = "192.168.122.181/24" } }
EOF
		cat
	} >"$work/$1.conf"
}

# whole WHAT: the last run passed and no datagram is without an account.
whole() {
	same "$1: passes" 0 "$status"
	same "$1: unexplained" 0 "$(jq '[.runs[].ledger.unexplained] | add' "$report")"
	[ "$status" = 0 ] || tail -n 40 "$name.out"
}

# fates RUN: what became of every frame, without times.
fates() {
	awk -F '\t' 'NR > 1 { print $2 "\t" $3 "\t" $4 "\t" $5, $7, $8, $9 }' "$1/links.tsv" | sort
}

# same_fates WHAT RUN RUN: no frame of both has two fates, and there are frames.
same_fates() {
	fates "$2" | sed 's/ /\t/' >one
	fates "$3" | sed 's/ /\t/' >two
	# Flow and number are the first four columns, the fate is the rest.
	paste_key='{ key = $1 FS $2 FS $3 FS $4; rest = $5 }'
	awk -F '\t' "$paste_key"' NR == FNR { fate[key] = rest; next }
		key in fate { n++; if (fate[key] != rest) { print key, fate[key], rest; bad++ } }
		END { print n + 0, "frames in both,", bad + 0, "differ"; exit !(n > 0 && bad == 0) }' \
		one two >fates.out
	ok "$1" sh -c 'cat fates.out; tail -n 1 fates.out | grep -q ", 0 differ" && ! grep -q "^0 " fates.out'
}

# ---- the reliable transfer arrives whole across the worst link ----

# One harness for each mode, side by side: most of the time they wait.
worst='loss = 30%  duplicate = 5%  corrupt = 2%  delay = 500ms  jitter = 200ms'
for mode in multi-process multi-thread multi-process-async multi-thread-async event-loop sequential; do
	impaired "worst-$mode" "$worst" "$worst" <<EOF
deadline = 120s
transfer small { from = alpine-1  to = { alpine-2, alpine-3 }  files = small  mode = $mode }
EOF
	(
		status=0
		timeout 150 "$harness" run --captures captures "worst-$mode.conf" >"worst-$mode.out" 2>&1 || status=$?
		echo "$status" >"worst-$mode.status"
	) &
done
wait
for mode in multi-process multi-thread multi-process-async multi-thread-async event-loop sequential; do
	name=worst-$mode
	status=$(cat "$name.status")
	report=captures/$name/latest/report.json
	whole "30% loss, $mode"
done

# ---- one seed, one fate ----

impaired seeds 'loss = 5%  duplicate = 2%  corrupt = 1%  delay = 5ms  jitter = 2ms' 'loss = { 2%, 30% }' <<'EOF'
deadline = 60s
transfer big { from = alpine-1  to = { alpine-2, alpine-3 }  files = { small, big }  mode = multi-process }
EOF
run seeds --seed 7
whole "a seed"
first=$(readlink -f captures/seeds/latest)/run
(
	# The other core is busy, for as long as the second run takes.
	timeout 60 sh -c 'while :; do :; done' &
	echo $! >busy.pid
	wait
) 2>/dev/null &
run seeds --seed 7
kill "$(cat busy.pid)" 2>/dev/null
whole "the same seed beside a busy core"
same_fates "the same seed, the same fates" "$first" "$(readlink -f captures/seeds/latest)/run"
run seeds --seed 8
whole "another seed"
same_fates "another seed" "$first" "$(readlink -f captures/seeds/latest)/run" >other.out
ok "another seed, other fates" grep -q '^not ok' other.out
failed=$((failed - 1))

# ---- the account ----

report=captures/seeds/latest/report.json
run_folder=captures/seeds/latest/run
lost=$(awk -F '\t' 'NR > 1 && $7 ~ /lost/' "$run_folder/links.tsv" | wc -l)
ok "frames were lost" [ "$lost" -gt 0 ]
same "every lost frame is marked in the merged capture" "$lost" "$(tshark -r "$run_folder/merged.pcapng" \
	-Y 'frame.comment contains "lost on"' 2>/dev/null | wc -l)"
same "tshark reads the merged capture" "" "$(tshark -r "$run_folder/merged.pcapng" 2>&1 >/dev/null)"

# ---- named datagrams ----

head -c 10240 /dev/urandom >ten
impaired named 'drop = { 3, 7-8 }' <<'EOF'
transfer ten { from = alpine-1  to = alpine-2  files = ten  format = raw }
EOF
run named
same "named datagrams: exit status" 1 "$status"
same "named datagrams: those and no others" "3 listed" "$(jq -r '[.runs[0].ledger.lost_on_links[] | "\(.frames) \(.cause)"] | join(",")' "$report" 2>/dev/null)"
has "named datagrams: the report says where and why" 'alpine-1/eth0 out' named.out

# ---- faults ----

impaired cut 'delay = 1ms' <<'EOF'
deadline = 20s
transfer big { from = alpine-1  to = { alpine-2, alpine-3 }  files = big  rate = 20mbit }
fault cut { at = 300ms  link = alpine-3  action = down  for = 1s }
EOF
run cut
whole "a server cut off and back"
impaired dead '' <<'EOF'
deadline = 5s
transfer big { from = alpine-1  to = { alpine-2, alpine-3 }  files = big  rate = 20mbit }
fault dead { after = 500  from = alpine-1  to = alpine-3  link = alpine-3  action = down }
EOF
began=$(date +%s)
run dead
same "a server cut off for good: exit status" 1 "$status"
ok "a server cut off for good: within the deadline" [ $(($(date +%s) - began)) -lt 15 ]
same "the other server has everything" pass "$(jq -r '.runs[0].files[] | select(.node == "alpine-2").outcome' "$report")"
same "nothing unexplained" 0 "$(jq '.runs[0].ledger.unexplained' "$report")"
impaired pause '' <<'EOF'
deadline = 20s
transfer big { from = alpine-1  to = { alpine-2, alpine-3 }  files = big  rate = 20mbit }
fault pause { at = 200ms  program = big  node = alpine-2  action = pause  for = 500ms }
EOF
run pause
whole "a receiver paused and continued"
impaired crash '' <<'EOF'
deadline = 20s
transfer big { from = alpine-1  to = { alpine-2, alpine-3 }  files = big  rate = 20mbit }
fault crash { at = 300ms  program = big  node = alpine-2  action = restart }
EOF
run crash
same "a receiver killed and started again: exit status" 1 "$status"
has "a receiver killed and started again: the sender says why" 'unknown transfer' crash.out
finish
