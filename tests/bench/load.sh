#!/bin/sh
# load.sh LOAD PATH HOST PEER=PORT...: each peer on that host answers requests of ab, one peer after
# the other, and again in reversed order: what changes meanwhile changes for all of them. What came
# of it is in lines for the metrics of a topology: of each peer requests per second, the time within
# which 99 of 100 are answered, the processor's time that its processes use for one, and which share
# of these the first peer has.
#
# REQUESTS (default 150, at least 5) is their number for each connection at a time; four times as many
# on connections that stay, which are done in a moment otherwise. All that are under way are late
# together when a processor is taken away, and when ab begins: with 100 or less one such moment alone
# would be the 99th percentile.
set -eu
load=$1 path=$2 host=$3
concurrency=${load##*-}
n=$((${REQUESTS:-150} * concurrency))
case $load in
keep-alive-*) keep=-k n=$((n * 4)) ;;
*) keep= ;;
esac
shift 3

ask() { # PEER=PORT N. ab prints whole milliseconds only, but for -e.
	ab -q -r -s 60 -n "$2" -c "$concurrency" -e percentiles ${keep:+"$keep"} \
		"http://$host:${1#*=}$path" >answer
	grep -E '^(Failed|Non-2xx)' answer
}

ticks() { # PEER: of the processor, that processes of this name have used
	pgrep -x "$1" | while read -r pid; do
		cat "/proc/$pid/stat"
	done | awk '{ n += $14 + $15 } END { print n + 0 }'
}

# A line "PEER requests/s p99-ms us-of-processor".
measure() { # PEER=PORT
	peer=${1%=*} before=$(ticks "${1%=*}")
	ask "$1" "$n"
	used=$(($(ticks "$peer") - before))
	awk -v peer="$peer" -v used="$used" -v n="$n" -v hz="$(getconf CLK_TCK)" '
		/^Requests per second/ { rate = $4 }
		/^99,/ { p99 = substr($0, 4) }
		END { print peer, rate, p99, used * 1e6 / hz / n }' answer percentiles >>figures
}

# Who begins in a new lab would be slower by some percent.
for peer; do
	ask "$peer" $((n / 5))
	reversed="$peer ${reversed:-}"
done
for peer in "$@" $reversed; do
	measure "$peer"
done
awk '
	NR == 1 { ours = $1 }
	{ n[$1]++; rate[$1] += $2; p99[$1] += $3; cost[$1] += $4 }
	# Too short a load costs nothing that is counted.
	function share(of, what) { return of[what] > 0 ? of[ours] / of[what] : 0 }
	END {
		for (p in n) {
			print p, "rate:", rate[p] / n[p], "p99:", p99[p] / n[p], "cost:", cost[p] / n[p]
			print "beside", p, "rate:", share(rate, p), "p99:", share(p99, p), "cost:", share(cost, p)
		}
	}' figures
