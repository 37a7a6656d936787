#!/bin/sh
# harness run --repeat: many seeds, one row; what failed stays to be looked at, the rest goes.
. "$(dirname "$0")/lib.sh"

cp "$top/topologies/files/1.png" .

# A receiver that is good twice and spoils the file the third time: runs never overlap.
cat >every-third <<XXX
#!/bin/sh
echo x >>"$work/count"
if [ \$((\$(wc -l <"$work/count") % 3)) = 0 ]; then
	exec "$misbehave" flip-byte "\$@"
fi
exec "$BUILD/nodes/udp-recv" "\$@"
XXX
chmod +x every-third
topology third <<XXX
seed = 10
transfer t { from = alpine-1 to = alpine-2 files = "1.png" receiver = "./every-third" }
XXX

folders() {
	find "$work/captures/third/latest/" -mindepth 1 -maxdepth 1 -type d | sed 's|.*/||' | sort | tr '\n' ' '
}

run third --repeat 6
same "some fail: exit status" 1 "$status"
has "a row for all seeds" '^ *run +6 +4 +2 +0 +4\.33% to 77\.7%' third.out
has "seeds in the heading" '6 runs, seed 10 to 15' third.out
has "the first failing run is explained" '✗ FAIL  seed=12$' third.out
has "its repeat command" 'repeat .*run .*third.conf --seed 12$' third.out
has "the others are named" 'so did seeds 15$' third.out
same "a run of each seed in the report" "10 11 12 13 14 15" "$(jq -r '[.runs[].seed] | join(" ")' "$report")"
same "the series in the report" "6 4 2 0" \
	"$(jq -r '.series[0] | "\(.runs) \(.passed) \(.failed) \(.inconclusive)"' "$report")"
same "the interval in the report" "clopper-pearson 0.95 0.043 0.777" \
	"$(jq -r '.series[0].failure_probability | "\(.method) \(.confidence) \(.low*1000|round/1000) \(.high*1000|round/1000)"' "$report")"
same "times of the four that passed" 4 "$(jq '.series[0].time_ns.runs' "$report")"
same "only folders of failing runs stay" "seed=12 seed=15 " "$(folders)"
same "the report knows which" "null,null,seed=12,null,null,seed=15" \
	"$(jq -r '[.runs[].folder | tostring] | join(",")' "$report")"
ok "a capture of the failing run" capinfos captures/third/latest/seed=12/merged.pcapng
ok "details of the failing run" jq -e '.runs[2].files[0].receiver.first_difference_byte == 4914' "$report"
same "no details of the others" "true 0" "$(jq -r '.runs[0] | "\(.brief) \(.files | length)"' "$report")"
same "JUnit: a test case per run" "6 2" \
	"$(grep -c '<testcase' captures/third/latest/junit.xml) $(grep -c '<failure' captures/third/latest/junit.xml)"

rm count
run third --repeat 3 --keep all
same "--keep all" "seed=10 seed=11 seed=12 " "$(folders)"
rm count
run third --repeat 30 --keep failed --seed 100
same "--keep failed: every third of 30" 10 "$(folders | wc -w)"
same "the first eight in detail" 8 "$(jq '[.runs[] | select(.brief | not)] | length' "$report")"
rm count
run third --repeat 30 --seed 18446744073709551610
same "by default eight folders stay" 8 "$(folders | wc -w)"
same "seeds begin again after the last one" "18446744073709551615 0" \
	"$(jq -r '[.runs[5,6].seed] | join(" ")' "$report")"
rm count
run third --keep failed
same "--keep without --repeat: nothing failed" "" "$(folders)"

# With variables: a row and a suite for each combination.
topology modes <<'XXX'
vary mode { values = { multi-process, sequential } }
transfer t { from = alpine-1 to = alpine-2 files = "1.png" mode = "%{mode}" }
XXX
run modes --repeat 3
same "combinations: exit status" 0 "$status"
same "combinations: rows" 2 "$(grep -c '^  mode=.* 3 .*✓ pass' modes.out)"
has "combinations: labels" '"label": "mode=sequential,seed=3"' "$report"
same "combinations: suites" 2 "$(grep -c '<testsuite ' captures/modes/latest/junit.xml)"

for wrong in "--repeat 0" "--repeat x" "--keep some" "--engine magic"; do
	# shellcheck disable=SC2086
	run modes $wrong
	same "'$wrong': exit status" 2 "$status"
	has "'$wrong': message" "harness: ${wrong% *} takes " modes.out
done
finish
