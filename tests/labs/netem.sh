#!/bin/sh
# The kernel's link engine, where there is a kernel that has it: under ci/stock-kernel.
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 1

stock_kernel() { # COMMAND...: output in out, what the script itself says in said
	status=0
	"$top/ci/stock-kernel" "$@" >"$work/out" 2>"$work/said" || status=$?
}

# ---- the script ----

mkdir -p .build
inside=$(mktemp .build/stock-kernel.XXXXXX)
trap 'rm -rf "$work" "$top/$inside"' EXIT
# shellcheck disable=SC2016
stock_kernel sh -c 'uname -r; echo "$1" >"$2"; { echo outside >"$3"; } 2>/dev/null ||
	echo refused; exit 7' - "it's \$here" "$inside" "$HOME/outside"
if [ "$status" = 77 ]; then
	skip "netem" "$(tail -n 1 "$work/said")"
	finish
fi
same "stock-kernel: the status of the command" 7 "$status"
same "stock-kernel: another kernel than this one" no \
	"$([ "$(head -n 1 "$work/out")" = "$(uname -r)" ] && echo yes || echo no)"
same "stock-kernel: the source tree can be written to" "it's \$here" "$(cat "$inside")"
same "stock-kernel: nothing else can" refused "$(tail -n 1 "$work/out")"
stock_kernel -t 4 sleep 100
same "stock-kernel: an end to what takes too long" 124 "$status"
has "stock-kernel: it says so" 'the time was up: 4 s' "$work/said"

# ---- the engine ----

stock_kernel -t 80 "$BUILD/tests/unit/test_netem" live
sed -n 's/^\[ RUN      \] //p' "$work/out" >"$work/tests"
while read -r test; do
	has "$test" "^\\[       OK \\] $test\$" "$work/out"
done <"$work/tests"
same "every test of netem passes" 0 "$status"

# ---- what doctor says of it ----

stock_kernel -t 80 "$harness" doctor
has "doctor finds netem" '✓ ok +sch_netem ' "$work/out"
finish
