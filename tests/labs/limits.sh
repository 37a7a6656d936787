#!/bin/sh
# Limits of processors and memory: kept where there is cgroup v2 (under ci/stock-kernel), never
# silently left out where there is none, and no cgroup left behind. With an argument this is the
# part that runs inside, and it is the folder that both sides see.
inside=${1:-}
. "$(dirname "$0")/lib.sh"
hungry=$BUILD/tests/nodes/hungry

# lab NAME: a topology whose programs are on standard input.
lab() {
	{
		echo 'switch Sw {}'
		echo 'node a { interface eth0 { network = Sw  address = "10.0.0.1/24" } }'
		echo 'capture { packets = off }'
		cat
	} >"$work/$1.conf"
}

# programs: of the last run, each with its outcome and reason.
programs() {
	jq -r '.runs[0].programs[] | "\(.outcome): \(.reason)"' "$report"
}

tree() {
	find /sys/fs/cgroup -type d | sort
	cat /sys/fs/cgroup/cgroup.subtree_control
}

# shellcheck disable=SC2317 # ok calls it
tree_is() {
	for _ in $(seq 100); do
		tree >now
		cmp -s "$1" now && return
		sleep 0.05
	done
	diff "$1" now
}

lab limited <<END
program eats { node = a  command = "$hungry memory 100000000"  memory = 64MiB }
program lets-eat { node = a  command = "$hungry child 100000000"  memory = 64MiB }
program modest { node = a  command = "$hungry memory 10000000"  memory = 64MiB }
program computes { node = a  command = "$hungry cpu 2000"  cpus = 0.2 }
program free { node = a  command = "$hungry memory 100000000" }
END
lab expected <<END
program eats { node = a  command = "$hungry memory 100000000"  memory = 64MiB }
expect dies { program = eats  exit = SIGKILL }
END
lab memory <<END
program modest { node = a  command = "$hungry memory 10000000"  memory = 64MiB }
END
lab both <<END
program modest { node = a  command = "$hungry memory 10000000"  memory = 64MiB  cpus = 0.5 }
END
lab cpus <<END
program wrong { node = a  command = false  cpus = 0.5 }
program right { node = a  command = true  cpus = 1.5 }
END
lab waits <<END
deadline = 100s
program waits { node = a  command = "sleep 1000"  memory = 64MiB  cpus = 0.5 }
END

# ---- where nothing can be limited ----

without_limits() {
	run memory
	same "$1: memory: exit status" 3 "$status"
	has "$1: memory: it says why" "inconclusive: its memory could not be limited: $2memory controller" \
		"$(programs >said; echo said)"
	run both
	has "$1: both: it says why" "its processors and memory could not be limited: $2cpu and mem" \
		"$(programs >said; echo said)"
	run cpus
	same "$1: what fails fails all the same" 1 "$status"
	has "$1: processors: it says why" "inconclusive: its processors could not be limited: $2cpu controller" \
		"$(programs >said; echo said)"
}

# ---- under a kernel that has it ----

limits_are_kept() {
	run limited
	same "exit status" 1 "$status"
	programs >said
	killed="fail: killed by the kernel: it used more than its 64MiB of memory"
	same "too much memory" "$killed" "$(sed -n 1p said)"
	same "too much memory of a child" "$killed" "$(sed -n 2p said)"
	same "enough memory" "pass: null" "$(sed -n 3p said)"
	same "few processors" "pass: null" "$(sed -n 4p said)"
	same "no limit" "pass: null" "$(sed -n 5p said)"
	share=$(sed -n 's/^share //p' "$(dirname "$report")"/*/logs/a.hungry.computes.log)
	ok "a fifth of a processor, measured: $share" awk "BEGIN { exit !($share > 0 && $share < 0.35) }"
	same "how it ended" "killed by SIGKILL at its limit of memory" \
		"$(jq -r '.runs[0].programs[0].ended' "$report")"
	ok "nothing is left" tree_is before
	run expected
	same "it may be what is expected" 0 "$status"
	run cpus
	has "processors alone: what fails fails" 'fail: exited 1' "$(programs >said; echo said)"
	has "processors alone: more than one" 'pass: null' said
}

# begin: start a run and wait until its program is in its cgroup.
begin() {
	"$harness" run --captures "$work/captures" "$work/waits.conf" >out 2>&1 &
	pid=$!
	for _ in $(seq 400); do
		cat /sys/fs/cgroup/harness.*/0/cgroup.procs >in 2>/dev/null
		[ ! -s in ] || break
		sleep 0.05
	done
	ok "$1: the program is in its cgroup" test -s in
	same "$1: its limits" "67108864 50000 100000" \
		"$(cd /sys/fs/cgroup/harness.*/0 && echo "$(cat memory.max)" "$(cat cpu.max)")"
}

nothing_stays() {
	begin "killed guard"
	kill -9 "$(pgrep -x guard)"
	lab none </dev/null
	run none
	same "killed guard: nobody takes its limits away" "67108864 50000 100000" \
		"$(cd /sys/fs/cgroup/harness.*/0 && echo "$(cat memory.max)" "$(cat cpu.max)")"
	kill -TERM "$pid"
	wait "$pid"
	ok "killed guard: nothing is left" tree_is before
	begin "killed harness"
	kill -9 "$pid"
	ok "killed harness: nothing is left" tree_is before
	begin "killed supervisor"
	kill -9 "$(pgrep -P "$pid" -x harness)"
	wait "$pid"
	ok "killed supervisor: nothing is left" tree_is before
	begin "interrupted"
	kill -TERM "$pid"
	wait "$pid"
	ok "interrupted: nothing is left" tree_is before

	begin "killed with its guard"
	kill -9 "$(pgrep -x guard)" "$pid"
	wait "$pid"
	has "killed with its guard: that stays" '^/sys/fs/cgroup/harness.cpu\+memory' \
		"$(find /sys/fs/cgroup -type d >now; echo now)"
	begin "next to what stayed"
	kill -TERM "$pid"
	wait "$pid"
	ok "next to what stayed: nothing is left of either" tree_is before

	begin "killed with its guard again"
	kill -9 "$(pgrep -x guard)" "$pid"
	wait "$pid" 2>/dev/null
	run none
	ok "the next run of anything sweeps" tree_is before
}

# Several at once use one place, and the last one puts it back as it was.
at_once() {
	for n in 1 2 3; do
		"$harness" run --captures "captures$n" "$work/both.conf" >"out$n" 2>&1 &
		eval "pid$n=$!"
	done
	for n in 1 2 3; do
		status=0
		eval "wait \$pid$n" || status=$?
		same "three at once: $n passes" 0 "$status"
		[ "$status" = 0 ] || cat "out$n"
	done
	ok "three at once: nothing is left" tree_is before
}

# as_nobody FOLDER COMMAND...: the command as an unprivileged user, in this cgroup.
as_nobody() {
	echo "$1" >folder
	shift
	# shellcheck disable=SC2016
	sh -c 'echo 0 >"$1/cgroup.procs" && shift && exec setpriv --reuid 65534 --regid 65534 \
		--clear-groups "$@"' - "$(cat folder)" "$@"
}

# A part of the tree that belongs to a user, as systemd has it for each, and a shell in it.
delegated() {
	theirs=/sys/fs/cgroup/theirs
	mkdir "$theirs"
	echo '+cpu +memory' >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$theirs/shell" theirs
	chown -R 65534 "$theirs" theirs
	tree >before
	as_nobody "$theirs/shell" "$harness" run --captures theirs both.conf >out 2>&1
	same "in a part of one's own: exit status" 0 $?
	ok "in a part of one's own: nothing is left" tree_is before
	# A process in the part itself, and none may be handed on: the kernel's rule.
	as_nobody "$theirs" "$harness" run --captures theirs both.conf >out 2>&1
	same "nowhere to go: exit status" 3 $?
	has "nowhere to go: it says why" 'could not be limited: /sys/fs/cgroup/theirs: .*: Device or resource busy' out
	as_nobody "$theirs" "$harness" doctor >out 2>&1
	has "nowhere to go: what mends it" 'mend: .*systemd-run --user --scope' out
	ok "nowhere to go: nothing is left" tree_is before

	# A container has a part that it sees as the whole.
	# shellcheck disable=SC2016
	sh -c 'echo 0 >"$1/cgroup.procs" && exec unshare -C -m sh -c "
		umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"\$0\" doctor" "$2"' - \
		"$theirs" "$harness" >out 2>&1
	has "in a container: it says why" 'without +cgroup v2 +/sys/fs/cgroup: .*: Device or resource busy' out
	has "in a container: what mends it" 'mend: docker run --cgroupns=host' out
	ok "in a container: nothing is left" tree_is before
	rmdir "$theirs/shell" "$theirs"
	echo '-cpu -memory' >/sys/fs/cgroup/cgroup.subtree_control
}

if [ -n "$inside" ]; then
	run memory
	has "not mounted: it says why" 'could not be limited: no cgroup v2 is mounted here' \
		"$(programs >said; echo said)"
	mount -t cgroup2 none /sys/fs/cgroup
	tree >before
	"$harness" doctor >said
	has "doctor finds it" '✓ ok +cgroup v2 +cpu and memory, in /sys/fs/cgroup$' said
	ok "doctor leaves nothing" tree_is before
	limits_are_kept
	nothing_stays
	at_once
	delegated
	finish
fi

# ---- outside ----

cd "$top" || exit 1
mkdir -p .build
status=0
ci/stock-kernel -t 300 env BUILD="$BUILD" sh tests/labs/limits.sh inside >"$work/out" 2>"$work/said" ||
	status=$?
if [ "$status" = 77 ]; then
	skip "limits" "$(tail -n 1 "$work/said")"
else
	cat "$work/out"
	same "under a kernel with cgroup v2" 0 "$status"
fi
cd "$work" || exit 1
if "$harness" doctor | grep -q 'ok .*cgroup v2'; then
	skip "without cgroup v2" "this machine has it"
else
	without_limits "here" "no cgroup v2 with (a )?"
	"$harness" check limited.conf >said
	has "check tells the limits" 'eats .*at most 64MiB of memory' said
	has "check tells what comes of them" 'the run is inconclusive' said
fi
finish
