#!/bin/sh
# The kernel's link engine, where there is a kernel that has it: under ci/stock-kernel.
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 1

stock_kernel() { # COMMAND...: output in out, what the script itself says in said
	status=0
	"$top/ci/stock-kernel" "$@" >"$work/out" 2>"$work/said" || status=$?
}

# ---- the script ----

# /tmp is another one in there: what is to come back lies in the source tree.
mkdir -p .build
inside=$(mktemp -d .build/netem.XXXXXX)
trap 'rm -rf "$work" "$top/$inside"' EXIT
# shellcheck disable=SC2016
stock_kernel sh -c 'uname -r; echo "$1" >"$2"; { echo outside >"$3"; } 2>/dev/null ||
	echo refused; exit 7' - "it's \$here" "$inside/here" "$HOME/outside"
if [ "$status" = 77 ]; then
	skip "netem" "$(tail -n 1 "$work/said")"
	finish
fi
same "stock-kernel: the status of the command" 7 "$status"
same "stock-kernel: another kernel than this one" no \
	"$([ "$(head -n 1 "$work/out")" = "$(uname -r)" ] && echo yes || echo no)"
same "stock-kernel: the source tree can be written to" "it's \$here" "$(cat "$inside/here")"
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

stock_kernel -t 20 "$harness" doctor
has "doctor finds netem" '✓ ok +sch_netem ' "$work/out"

# ---- what it cannot do is refused before anything is made ----

for command in run calibrate; do
	status=0
	"$harness" "$command" --engine netem topologies/partition.conf >"$work/out" 2>&1 || status=$?
	same "$command: exit status of what netem cannot do" 2 "$status"
	has "$command: it says which line" '^topologies/partition.conf:[0-9]+: after' "$work/out"
done

# ---- a lab with it: every frame accounted for ----

head -c 1000000 /dev/urandom >"$inside/data.bin"
cat >"$inside/links.conf" <<'EOF'
hub Hub1 {}
node a { interface eth0 { network = Hub1  address = "10.0.0.1/24"
	out { delay = 5ms  loss = 5% }  in { loss = { 2%, 50% } } } }
node b { interface eth0 { network = Hub1  address = "10.0.0.2/24"
	in { delay = 3ms  jitter = 2ms  jitter-shape = normal  rate = 5mbit } } }
transfer one { from = a  to = b  files = "data.bin" }
fault cut { at = 100ms  for = 50ms  link = b  action = down }
fault clean { at = 1s  link = a  out { loss = 0% } }
EOF
stock_kernel -t 60 "$harness" run --engine netem --captures "$inside/captures" "$inside/links.conf"
same "a lab with netem passes" 0 "$status"
report=$inside/captures/links/latest/report.json
same "both directions of both links went through netem" "netem netem netem netem" \
	"$(jq -r '[.runs[0].ledger.links[].engine] | join(" ")' "$report")"
same "no frame unexplained" 0 "$(jq '[.runs[0].ledger.links[].unexplained] | add' "$report")"
ok "frames were lost" [ "$(jq '[.runs[0].ledger.links[].lost] | add' "$report")" -gt 0 ]
same "faults came in time" "pass pass" "$(jq -r '[.runs[0].faults[].outcome] | join(" ")' "$report")"
finish
