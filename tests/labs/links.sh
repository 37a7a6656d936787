#!/bin/sh
# Impaired links: transfers across them, fates that repeat, faults on a clock, and an account of
# every datagram. SEEDS: how many seeds of the worst link (default 1).
. "$(dirname "$0")/lib.sh"

seeds=${SEEDS:-1}

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

# compare_fates RUN RUN: how many frames both have, and how many of those have two fates.
compare_fates() {
	awk -F '\t' '{ key = $2 FS $3 FS $4 FS $5; fate = $7 FS $8 FS $9 } FNR == 1 { next }
		NR == FNR { one[key] = fate; next }
		key in one { n++; if (one[key] != fate) bad++ }
		END { print n + 0, bad + 0 }' "$1/links.tsv" "$2/links.tsv"
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
		timeout $((seeds * 150)) "$harness" run --repeat "$seeds" --captures captures "worst-$mode.conf" >"worst-$mode.out" 2>&1 || status=$?
		echo "$status" >"worst-$mode.status"
	) &
done
wait
for mode in multi-process multi-thread multi-process-async multi-thread-async event-loop sequential; do
	name=worst-$mode
	status=$(cat "$name.status")
	report=captures/$name/latest/report.json
	whole "30% loss, $mode, $seeds seeds"
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
second=$(readlink -f captures/seeds/latest)/run
same "the same seed, the same fates" 0 "$(compare_fates "$first" "$second" | cut -d ' ' -f 2)"
ok "of all datagrams" [ "$(compare_fates "$first" "$second" | cut -d ' ' -f 1)" -gt 4000 ]
run seeds --seed 8
whole "another seed"
third=$(readlink -f captures/seeds/latest)/run
ok "another seed, other fates" [ "$(compare_fates "$first" "$third" | cut -d ' ' -f 2)" -gt 100 ]

# ---- the account ----

report=captures/seeds/latest/report.json
run_folder=captures/seeds/latest/run
lost=$(awk -F '\t' 'NR > 1 && $7 ~ /lost/' "$run_folder/links.tsv" | wc -l)
ok "frames were lost" [ "$lost" -gt 0 ]
same "every lost frame is marked in the merged capture" "$lost" "$(tshark -r "$run_folder/merged.pcapng" \
	-Y 'frame.comment contains "lost on"' 2>/dev/null | wc -l)"
same "tshark reads the merged capture" "" "$(tshark -r "$run_folder/merged.pcapng" 2>&1 >/dev/null |
	grep -v 'Running as user')"

# ---- a stranger's datagrams have an account, too ----

impaired iperf 'delay = 5ms  jitter = 1ms  loss = 2%  duplicate = 1%  corrupt = 1%' <<'EOF'
deadline = 30s
program server { node = alpine-2  command = "iperf3 -s"  listens = "tcp/5201" }
program client { node = alpine-1  command = "iperf3 -u -b 30M -t 2 -c alpine-2" }
EOF
run iperf
whole "iperf3"
ok "iperf3: datagrams were lost" [ "$(jq '[.runs[0].ledger.links[].lost] | add' "$report")" -gt 20 ]

# ---- named datagrams ----

head -c 10240 /dev/urandom >ten
impaired named 'drop = { 3, 7-8 }' <<'EOF'
transfer ten { from = alpine-1  to = alpine-2  files = ten  format = raw }
EOF
run named
same "named datagrams: exit status" 1 "$status"
same "named datagrams: those and no others" "3" "$(jq '[.runs[0].ledger.links[].lost] | add' "$report")"
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
same "a server cut off for good: exit status" 124 "$status"
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
has "a receiver killed and started again: the sender says why" 'unknown transfer|the receiver has gone' crash.out
impaired kill '' <<'EOF'
deadline = 20s
transfer big { from = alpine-1  to = { alpine-2, alpine-3 }  files = big  rate = 20mbit }
fault gone { at = 300ms  program = big  node = alpine-2  action = kill }
EOF
run kill
same "a receiver killed by a fault: exit status" 1 "$status"
same "a receiver killed by a fault: it did as it was told" "killed by fault gone, pass" "$(jq -r '.runs[0].programs[] |
	select(.name == "alpine-2/udp-recv") | "\(.ended), \(.outcome)"' "$report")"
same "a receiver killed by a fault: the file is what failed" "fail pass" "$(jq -r '[.runs[0].files[].outcome] |
	join(" ")' "$report")"
same "a receiver killed by a fault: nothing unexplained" 0 "$(jq '.runs[0].ledger.unexplained' "$report")"
finish
