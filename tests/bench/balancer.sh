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
. tests/bench/http.sh
ip link set lo up

stream=
for module in /usr/lib*/nginx/modules/ngx_stream_module.so; do
	[ ! -e "$module" ] || stream=$module
done
needs nginx ab

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

echo "== the balancer and its peers, one thread each, $requests requests of 1 KiB, medians of $rounds"
load connections-50 "$peers" -c 50
load connections-500 "$peers" -c 500
load keep-alive-50 "$peers" -c 50 -k
