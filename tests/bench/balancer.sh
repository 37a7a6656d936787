#!/bin/sh
# The balancer beside HAProxy and nginx, each with one thread, in front of the same four backends:
# requests per second, the time within which 99 of 100 are answered, and what the balancer itself
# spends on one. Figures, never a pass or fail. Called by run.sh; ROUNDS and REQUESTS can be set.
set -eu
if [ -z "${BENCH_ALONE:-}" ]; then
	cd "$(dirname "$0")/../.."
	BENCH_ALONE=1 exec unshare -n sh tests/bench/balancer.sh
fi
rounds=${ROUNDS:-5}
requests=${REQUESTS:-20000}
balancer=$PWD/${BUILD:-.build/release}/nodes/balancer
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
ip link set lo up

median() {
	sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

listens() { # PORT
	for _ in $(seq 500); do
		[ -z "$(ss -Hltn "sport = :$1")" ] || return 0
		sleep 0.01
	done
	echo "nothing listens on port $1" >&2; cat "$work"/*.log >&2
	exit 1
}

stream=
for module in /usr/lib*/nginx/modules/ngx_stream_module.so; do
	[ ! -e "$module" ] || stream=$module
done
for tool in nginx ab; do
	if ! command -v "$tool" >/dev/null; then
		echo "balancer: not measured, $tool is not installed"
		exit 0
	fi
done

{
	printf 'worker_processes 1;\npid %s/web.pid;\nerror_log %s/web.log;\n' "$work" "$work"
	echo 'daemon off; events { worker_connections 8192; } http { access_log off;'
	echo 'keepalive_requests 10000000;'
	for port in 8001 8002 8003 8004; do
		echo "server { listen 127.0.0.1:$port backlog=4096; location / { root $work/www; } }"
	done
	echo '}'
} >"$work/web.conf"
mkdir "$work/www"
chmod 755 "$work" "$work/www"
head -c 1024 /dev/zero | tr '\0' x >"$work/www/page.html"

{
	[ -z "$stream" ] || echo "load_module $stream;"
	printf 'worker_processes 1;\npid %s/stream.pid;\nerror_log %s/stream.log;\n' "$work" "$work"
	echo 'daemon off; events { worker_connections 8192; } stream { tcp_nodelay on;'
	echo 'upstream all {'
	for port in 8001 8002 8003 8004; do
		echo "server 127.0.0.1:$port;"
	done
	echo '} server { listen 127.0.0.1:9003 backlog=4096; proxy_pass all; } }'
} >"$work/stream.conf"

{
	printf 'global\n\tnbthread 1\n\tmaxconn 4000\ndefaults\n\tmode tcp\n\ttimeout connect 5s\n'
	printf '\ttimeout client 60s\n\ttimeout server 60s\n\toption splice-auto\n'
	printf 'listen all\n\tbind 127.0.0.1:9002 backlog 4096\n\tbalance roundrobin\n'
	for port in 8001 8002 8003 8004; do
		printf '\tserver s%s 127.0.0.1:%s\n' "$port" "$port"
	done
} >"$work/haproxy.cfg"

nginx -e "$work/web.log" -c "$work/web.conf" &
pids=$!
listens 8004
"$balancer" --listen 127.0.0.1:9001 --backend 127.0.0.1:8001 --backend 127.0.0.1:8002 \
	--backend 127.0.0.1:8003 --backend 127.0.0.1:8004 >"$work/balancer.log" &
pids="$pids $!"
echo "$!" >"$work/balancer.pids"
listens 9001
peers=balancer
if command -v haproxy >/dev/null; then
	haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1 &
	pids="$pids $!"
	echo "$!" >"$work/haproxy.pids"
	listens 9002
	peers="$peers haproxy"
else
	echo "HAProxy: not measured, it is not installed"
fi
if [ -n "$stream" ]; then
	nginx -e "$work/stream.log" -c "$work/stream.conf" &
	pids="$pids $!"
	listens 9003
	pgrep -P "$!" >"$work/nginx.pids"
	peers="$peers nginx"
else
	echo "nginx stream: not measured, its module is not installed"
fi

port_of() {
	case $1 in
	balancer) echo 9001 ;;
	haproxy) echo 9002 ;;
	nginx) echo 9003 ;;
	esac
}

ticks() { # PEER: of the processor, that it has used
	awk '{n += $14 + $15} END {print n + 0}' "/proc/$(head -n 1 "$work/$1.pids")/stat"
}

# load NAME AB-OPTION...: a line "requests/s p99-ms us-of-processor failed" for each peer and round.
load() {
	name=$1
	shift
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
	for peer in $peers; do
		for column in 1 2 3; do
			cut -d ' ' -f "$column" "$work/$name.$peer" | median
		done | xargs >"$work/$name.$peer.median"
		awk -v name="$name" -v peer="$peer" -v failed="$(awk '{n += $4} END {print n}' "$work/$name.$peer")" '
			NR == 1 { split($0, ours) }
			NR == 2 {
				printf "%s, %s: %.0f requests/s, p99 %s ms, %.1f us of processor each, %d failed", name, peer, $1, $2, $3, failed
				if (peer != "balancer")
					printf "; balancer is %.2f of its rate, %.2f of its p99, %.2f of its cost",
						ours[1] / ($1 + 1e-9), ours[2] / ($2 + 1e-9), ours[3] / ($3 + 1e-9)
				print ""
			}' "$work/$name.balancer.median" "$work/$name.$peer.median"
	done
}

echo "== the balancer and its peers, one thread each, $requests requests of 1 KiB, medians of $rounds"
load connections-50 -c 50
load connections-500 -c 500
load keep-alive-50 -c 50 -k
