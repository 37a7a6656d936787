#!/bin/sh
# Random topologies: each comes up, who should reach whom does, nobody else does, and every datagram
# is accounted for. SEEDS=N of them; SEED=N is the first.
. "$(dirname "$0")/lib.sh"

seeds=${SEEDS:-10} first=${SEED:-1}
yes=0 no=0 transfers=0

# A lab of one seed, said in one word: good, or what is wrong.
judge() { # SEED
	python3 "$top/tests/labs/random_topology.py" "$1" "$top/topologies/files/1.png" \
		"$top/tests/nodes/ping-all.sh" >"$work/random-$1.conf" || return
	run "random-$1"
	logs=$work/captures/random-$1/latest/run/logs
	if [ "$status" != 0 ]; then
		echo "status $status"
	elif [ -n "$(cat "$logs"/*.ping-all.sh.*)" ]; then
		cat "$logs"/*.ping-all.sh.*
	else
		jq -r '.runs[0].ledger | if .unexplained == 0 then "good" else .reason end' "$report"
	fi
}

for seed in $(seq "$first" $((first + seeds - 1))); do
	found=$(judge "$seed")
	same "seed $seed" good "$found"
	conf=$work/random-$seed.conf
	yes=$((yes + $(grep -o '"yes/' "$conf" | wc -l)))
	no=$((no + $(grep -o '"no/' "$conf" | wc -l)))
	transfers=$((transfers + $(grep -c '^transfer' "$conf")))
	if [ "$found" != good ]; then
		grep -v '^program' "$conf"
		tail -n 25 "$work/random-$seed.out"
	fi
	rm -rf "$work/captures/random-$seed" "$work/random-$seed."*
done
echo "$seeds labs: $yes pairs that reach each other, $no that do not, $transfers transfers"
ok "some reach each other" [ "$yes" -gt 0 ]
ok "some do not" [ "$no" -gt 0 ]
finish
