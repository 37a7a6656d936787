# lib.sh: what the lab tests share. Sourced by each tests/labs/*.sh, which ends with `finish`.
#
# A test says what it expects and shows what it found:
#	ok "whole in every mode" [ "$status" = 0 ]
# BUILD names the variant under test (.build/release); MUST_RUN=1 turns skips into failures.
# shellcheck shell=sh disable=SC2034

set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-.build/release}
case $BUILD in /*) ;; *) BUILD=$top/$BUILD ;; esac
harness=$BUILD/harness
misbehave=$BUILD/tests/nodes/misbehave
work=$(mktemp -d)
# What a lab must not touch: readable by the unprivileged user of one test, too.
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 1

# alone: start the test again as the only thing in new pid and mount namespaces, so that what
# other programs of this machine do meanwhile does not look like something left behind. With
# private_network=-n no labs of others are in its list.
alone() {
	[ -z "${ALONE:-}" ] || return 0
	cd "$top" && rm -rf "$work"
	# The outer shell is pid 1 there and reaps what a killed harness leaves to it.
	# shellcheck disable=SC2016,SC2086
	ALONE=1 exec unshare ${private_network:-} -m -p -f --mount-proc sh -c 'sh "$1" & wait $!' - "$top/tests/labs/$(basename "$0")"
}

passed=0 failed=0 skipped=0 suite=$(basename "$0" .sh)

# ok WHAT COMMAND...: passes when the command succeeds.
ok() {
	what=$1
	shift
	if "$@" >"$work/ok.out" 2>&1; then
		passed=$((passed + 1))
		echo "ok - $suite: $what"
	else
		failed=$((failed + 1))
		echo "not ok - $suite: $what"
		echo "  expected: $*"
		sed 's/^/  | /' "$work/ok.out" | tail -n 20
	fi
}

# same WHAT EXPECTED FOUND: passes when the two strings are equal.
same() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
		echo "ok - $suite: $1"
	else
		failed=$((failed + 1))
		echo "not ok - $suite: $1"
		printf '  expected: %s\n  found:    %s\n' "$2" "$3"
		# What the last run said, if this is about one.
		[ ! -e "$work/${name:-}.out" ] || tail -n 20 "$work/$name.out" | sed 's/^/  | /'
	fi
}

# has WHAT PATTERN FILE: passes when a line of the file matches the extended expression.
has() {
	if grep -Eq -- "$2" "$3"; then
		passed=$((passed + 1))
		echo "ok - $suite: $1"
	else
		failed=$((failed + 1))
		echo "not ok - $suite: $1"
		echo "  expected a line like: $2"
		tail -n 25 "$3" | sed 's/^/  | /'
	fi
}

skip() {
	if [ "${MUST_RUN:-}" = 1 ]; then
		failed=$((failed + 1))
		echo "not ok - $suite: $1 (skipped, which MUST_RUN=1 forbids: $2)"
	else
		skipped=$((skipped + 1))
		echo "ok - $suite: $1 # SKIP $2"
	fi
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

# run NAME [OPTION...]: harness run of $work/NAME.conf; output in NAME.out, status in $status,
# report in $report.
run() {
	name=$1
	shift
	status=0
	timeout 300 "$harness" run --captures "$work/captures" "$@" "$work/$name.conf" \
		>"$work/$name.out" 2>&1 || status=$?
	report=$work/captures/$name/latest/report.json
}

# The three hosts of 3alpine.conf; the rest of the topology comes from standard input.
topology() {
	{
		cat <<'EOF'
hub Hub1 {}
node alpine-1 { interface eth0 { network = Hub1  address = "192.168.122.72/24" } }
node alpine-2 { interface eth0 { network = Hub1  address = "192.168.122.223/24" } }
node alpine-3 { interface eth0 { network = Hub1  address = "192.168.122.181/24" } }
EOF
		cat
	} >"$work/$1.conf"
}

all_modes='vary mode { values = { multi-process, multi-thread, multi-process-async,
	multi-thread-async, event-loop, sequential } }'

# What exists on this machine that a run could leave behind.
machine() {
	echo "== interfaces"
	ip -br link | sort
	echo "== namespaces"
	lsns -n -o TYPE,NS 2>/dev/null | sort
	ls /run/netns 2>/dev/null
	echo "== mounts"
	sort /proc/self/mounts
	echo "== processes"
	for name in harness recorder wire guard udp-send udp-recv misbehave; do
		pgrep -l -x "$name"
	done
	echo "== files"
	find /tmp /run /var/tmp /dev/shm -maxdepth 2 -name '*harness*' 2>/dev/null | sort
	find "$work/cwd" 2>/dev/null | sort
}

# Until the kernel has taken down what a dead run held: it does so within milliseconds.
machine_settles_to() {
	for _ in $(seq 100); do
		now=$(machine)
		[ "$now" = "$(cat "$1")" ] && return 0
		sleep 0.05
	done
	echo "$now" | diff "$1" -
}
