# http.sh: what the figures of HTTP servers and balancers share. Sourced; needs $rounds, $requests and a
# function port_of PEER; each peer's processes are in $work/PEER.pids.
# shellcheck shell=sh disable=SC2154
work=$(mktemp -d)
pids=
# shellcheck disable=SC2329,SC2317 # the trap calls it
clean_up() {
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || kill $pids 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

median() {
	sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

listens() { # PORT
	for _ in $(seq 500); do
		[ -z "$(ss -Hltn "sport = :$1")" ] || return 0
		sleep 0.01
	done
	echo "nothing listens on port $1" >&2
	cat "$work"/*.log >&2
	exit 1
}

needs() { # TOOL...: ends the measurement where one is missing
	for tool in "$@"; do
		if ! command -v "$tool" >/dev/null; then
			echo "$(basename "$0" .sh): not measured, $tool is not installed"
			exit 0
		fi
	done
}

ticks() { # PEER: of the processor, that its processes have used
	while read -r pid; do
		cat "/proc/$pid/stat"
	done <"$work/$1.pids" | awk '{n += $14 + $15} END {print n + 0}'
}

# load NAME PEERS AB-OPTION...: a line "requests/s p99-ms us-of-processor failed" for each peer and
# round; then the medians, and what the first peer is of each of the others.
load() {
	name=$1
	peers=$2
	shift 2
	for _ in $(seq "$rounds"); do
		for peer in $peers; do
			before=$(ticks "$peer")
			ab -q -r -n "$requests" "$@" "http://127.0.0.1:$(port_of "$peer")/page.html" >"$work/ab" 2>&1 || true
			used=$(($(ticks "$peer") - before))
			awk -v used="$used" -v n="$requests" -v hz="$(getconf CLK_TCK)" '
				/^Requests per second/ { rate = $4 }
				/^ *99%/ { p99 = $2 }
				/^Failed requests/ { failed = $3 }
				END { print rate + 0, p99 + 0, used * 1e6 / hz / n, failed + 0 }' \
				"$work/ab" >>"$work/$name.$peer"
		done
	done
	first=${peers%% *}
	for peer in $peers; do
		for column in 1 2 3; do
			cut -d ' ' -f "$column" "$work/$name.$peer" | median
		done | xargs >"$work/$name.$peer.median"
		awk -v name="$name" -v first="$first" -v peer="$peer" -v failed="$(awk '{n += $4} END {print n}' "$work/$name.$peer")" '
			NR == 1 { split($0, ours) }
			NR == 2 {
				printf "%s, %s: %.0f requests/s, p99 %s ms, %.1f us of processor each, %d failed", name, peer, $1, $2, $3, failed
				if (peer != first)
					printf "; %s is %.2f of its rate, %.2f of its p99, %.2f of its cost", first,
						ours[1] / ($1 + 1e-9), ours[2] / ($2 + 1e-9), ours[3] / ($3 + 1e-9)
				print ""
			}' "$work/$name.$first.median" "$work/$name.$peer.median"
	done
}
