#!/bin/sh
# Our HTTP server in each mode beside nginx with as many workers: an event loop and a thread per
# connection beside one worker, the pools beside two. Figures, never a pass or fail. Called by
# run.sh; ROUNDS and REQUESTS can be set.
set -eu
if [ -z "${BENCH_ALONE:-}" ]; then
	cd "$(dirname "$0")/../.."
	BENCH_ALONE=1 exec unshare -n sh tests/bench/httpd.sh
fi
rounds=${ROUNDS:-5}
requests=${REQUESTS:-20000}
httpd=$PWD/${BUILD:-.build/release}/nodes/httpd
. tests/bench/http.sh
ip link set lo up
needs nginx ab

mkdir "$work/www"
chmod 755 "$work" "$work/www"
head -c 20480 /dev/zero | tr '\0' x >"$work/www/page.html"

port_of() {
	case $1 in
	async) echo 8001 ;;
	thread) echo 8002 ;;
	thread-pool) echo 8003 ;;
	process-pool) echo 8004 ;;
	nginx-1) echo 9001 ;;
	nginx-2) echo 9002 ;;
	esac
}

# Its processes are what it has when it listens: pools begin with all of theirs.
begin() { # PEER COMMAND...
	peer=$1
	shift
	"$@" >"$work/$peer.log" 2>&1 &
	pids="$pids $!"
	listens "$(port_of "$peer")"
	{
		echo "$!"
		pgrep -P "$!" || true
	} >"$work/$peer.pids"
}

for mode in async thread; do
	begin "$mode" "$httpd" --mode "$mode" --port "$(port_of "$mode")" --root "$work/www"
done
for mode in thread-pool process-pool; do
	begin "$mode" "$httpd" --mode "$mode" --workers 2 --port "$(port_of "$mode")" --root "$work/www"
done
for workers in 1 2; do
	peer=nginx-$workers
	cat >"$work/$peer.conf" <<END
worker_processes $workers;
pid $work/$peer.pid;
error_log $work/$peer.err.log;
daemon off;
events { worker_connections 8192; }
http {
	access_log $work/$peer.access;
	keepalive_requests 10000000;
	sendfile on;
	server { listen 127.0.0.1:$(port_of "$peer") backlog=4096; root $work/www; }
}
END
	begin "$peer" nginx -e "$work/$peer.err.log" -c "$work/$peer.conf"
done

echo "== the HTTP server beside nginx, both logging, $requests requests of 20 KiB, medians of $rounds"
for mode in async thread thread-pool process-pool; do
	case $mode in
	*-pool) peer=nginx-2 ;;
	*) peer=nginx-1 ;;
	esac
	load "$mode-connections-50" "$mode $peer" -c 50
	load "$mode-keep-alive-50" "$mode $peer" -c 50 -k
done
