#!/bin/sh
# kill -9 of anything at any moment leaves nothing behind. KILLS: how many moments (default 12).
. "$(dirname "$0")/lib.sh"
alone

kills=${KILLS:-12}
head -c 20000000 /dev/urandom >big
topology victim <<EOF
$all_modes
transfer big { from = alpine-1 to = { alpine-2, alpine-3 } files = { "big" } mode = "%{mode}" }
EOF
# The same with an engine in a link.
sed '/^node alpine-1/ s/address/delay = 1ms  loss = 1%  address/' victim.conf >rough.conf
# The harness's own current folder, where a stray file would land.
mkdir cwd
machine >machine.before

# Moments are spread over the first half second of a session that takes longer than that.
moment() {
	awk -v seed="$1" 'BEGIN { srand(seed); printf "%.3f", rand() * 0.5 }'
}

# victims HARNESS-PID KIND: pids below it.
below() {
	pgrep -P "$1"
}

for i in $(seq "$kills"); do
	[ $((i / 3 % 2)) = 0 ] && conf=victim || conf=rough
	cd cwd || exit 1
	"$harness" run --captures "$work/captures" "$work/$conf.conf" >../out 2>&1 &
	pid=$!
	cd ..
	sleep "$(moment "$i")"
	case $((i % 3)) in
	0) who=harness victim=$pid ;;
	1) who=supervisor victim=$(below "$pid" | head -n 1) ;;
	2) who=program victim=$(for s in $(below "$pid"); do below "$s"; done | tail -n 1) ;;
	esac
	[ -z "$victim" ] || kill -9 "$victim" 2>/dev/null
	if [ "$who" = program ]; then
		# The rest of the session is of no interest: end it in good order.
		sleep 0.1
		kill -TERM "$pid" 2>/dev/null
	fi
	wait "$pid" 2>/dev/null
	ok "moment $i: $conf: killed the $who: nothing is left" machine_settles_to machine.before
done

# kill_in_the_middle NAME CONF: while a sender runs; the verdict is in out, its status in $status.
kill_in_the_middle() {
	cd cwd || exit 1
	"$harness" run --captures "$work/captures" "$work/$2.conf" >../out 2>&1 &
	pid=$!
	cd ..
	victim=
	while [ -z "$victim" ] && kill -0 "$pid" 2>/dev/null; do
		for s in $(below "$pid"); do
			victim=$(pgrep -P "$s" -x udp-send >/dev/null && pgrep -P "$s" -x "$1" | head -n 1)
		done
	done
	kill -9 "$victim"
	status=0
	wait "$pid" || status=$?
}

# A node program killed: the verdict names it.
topology one <<EOF
deadline = 40s
transfer big { from = alpine-1 to = { alpine-2, alpine-3 } files = { "big", "big2" } }
EOF
head -c 200000000 /dev/zero >big2
for name in udp-recv udp-send; do
	kill_in_the_middle "$name" one
	same "killed $name: exit status" 1 "$status"
	has "killed $name: the verdict names it" "alpine-[123]/$name.*SIGKILL" out
	ok "killed $name: nothing is left" machine_settles_to machine.before
done

# The link engine killed: nothing is proved then, and it says so.
sed '/^node alpine-1/ s/address/rate = 100mbit  address/' one.conf >rough.conf
kill_in_the_middle wire rough
same "killed the wire: exit status" 3 "$status"
has "killed the wire: the verdict names it" 'the wire was killed by signal 9' out
ok "killed the wire: nothing is left" machine_settles_to machine.before

# The supervisor killed while programs run: that comes first, and what it points to is there.
topology sleeper <<'EOF'
program sleeper { node = alpine-1  command = "sleep 1000" }
EOF
"$harness" run sleeper.conf >out 2>&1 &
pid=$!
supervisor=
until [ -n "$supervisor" ] || ! kill -0 "$pid" 2>/dev/null; do
	for s in $(below "$pid"); do
		pgrep -P "$s" -x sleep >/dev/null && supervisor=$s
	done
done
kill -9 "$supervisor"
status=0
wait "$pid" || status=$?
same "killed the supervisor: exit status" 3 "$status"
has "killed the supervisor: the verdict names it first" '^  why +the supervisor was killed by SIGKILL while programs ran' out
ok "killed the supervisor: the evidence is where it says" ls "$(sed -n 's/^  evidence *//p' out)"
ok "killed the supervisor: nothing is left" machine_settles_to machine.before
finish
