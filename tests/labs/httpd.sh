#!/bin/sh
# httpd in every mode, on the loopback interface of a network namespace of its own: what it serves,
# what it refuses, clients that misbehave, many at once, and its end.
# shellcheck disable=SC2317,SC2094 # conditions that until_true calls
. "$(dirname "$0")/lib.sh"
if [ -z "${LOOPBACK:-}" ]; then
	cd "$top" && rm -rf "$work"
	LOOPBACK=1 exec unshare -n -m sh "$top/tests/labs/$(basename "$0")"
fi
ip link set lo up
export PYTHONWARNINGS=ignore
# The library is not built with TSan, which then takes its locking for none.
export TSAN_OPTIONS="ignore_noninstrumented_modules=1 ${TSAN_OPTIONS:-}"

httpd=$BUILD/nodes/httpd
server=
trap '[ -z "$server" ] || kill -KILL "$server"; rm -rf "$work"' EXIT

# The folder that is served, and what lies beside it.
mkdir -p root/sub folder
echo '<p>hello</p>' >root/page.html
echo sub >root/sub/index.html
echo 'smuggled content' >root/smuggled
echo secret | tee outside >folder/outside
ln -s ../outside root/link-out
ln -s ../folder root/folder-out
ln -s page.html root/link-in.html
mkfifo root/fifo
: >root/empty
for name in a.txt a.css a.js a.json a.png a.jpg a.gif a.svg a.pdf a.wasm a.unknown 'a b.txt'; do
	echo "$name" >"root/$name"
done
head -c 20480 /dev/urandom >root/medium.bin
head -c 30000000 /dev/urandom >root/large.bin

# until_true COMMAND...: waits for a condition, 20 s at most.
until_true() {
	for _ in $(seq 400); do
		"$@" && return 0
		sleep 0.05
	done
	echo "in vain: $*"
	return 1
}

# serve OPTION...: start httpd on a port that is free, and wait until it listens.
serve() {
	: >log # before the shell that runs it gets round to that
	"$httpd" --port 0 --root root "$@" >log 2>err &
	server=$!
	until_true grep -q 'listens on port' log || cat log err
	port=$(sed -n 's/.*listens on port //p' log)
	url=http://127.0.0.1:$port
}

# stop: status in $status.
stop() {
	kill "$server"
	status=0
	wait "$server" || status=$?
	server=
}

client() {
	python3 "$top/tests/labs/httpd_client.py" "$@"
}

# get WHAT OPTION...: what curl's -w says of a request.
get() {
	format=$1
	shift
	curl -s -g --path-as-is -o body -w "$format" "$@"
}

n_open() {
	find "/proc/$server/fd" -mindepth 1 2>/dev/null | wc -l
}
no_more_open_than() {
	[ "$(n_open)" -le "$1" ]
}

is_connected() {
	[ "$(ss -Htn state established "sport = :$port" | wc -l)" -ge "$1" ]
}
has_workers() {
	[ "$(pgrep -c -P "$server")" = "$1" ]
}
workers_changed() {
	has_workers 3 && ! pgrep -P "$server" | grep -qx "${first%% *}"
}

# Content-Type by extension, and the names that are not so plain.
served_files() {
	for expected in 'page.html text/html; charset=utf-8' 'a.txt text/plain; charset=utf-8' \
		'a.css text/css; charset=utf-8' 'a.js text/javascript; charset=utf-8' \
		'a.json application/json' 'a.png image/png' 'a.jpg image/jpeg' 'a.gif image/gif' \
		'a.svg image/svg+xml' 'a.pdf application/pdf' 'a.wasm application/wasm' \
		'a.unknown application/octet-stream' 'medium.bin application/octet-stream' \
		'large.bin application/octet-stream'; do
		name=${expected%% *}
		same "$1: $name: type" "200 ${expected#* }" \
			"$(get '%{http_code} %{content_type}' "$url/$name")"
		ok "$1: $name: content" cmp body "root/$name"
	done
	same "$1: encoded name" 200 "$(get '%{http_code}' "$url/a%20%62.txt?x=y")"
	same "$1: empty file" "200 0" "$(get '%{http_code} %{size_download}' "$url/empty")"
	same "$1: index of a folder" "200 sub" "$(get '%{http_code} ' "$url/sub/")$(cat body)"
	same "$1: a text at /" "200 httpd/$(version) ($1) at backend-1" \
		"$(get '%{http_code} ' "$url/")$(cat body)"
	same "$1: link within" 200 "$(get '%{http_code}' "$url/link-in.html")"
	same "$1: link that leads out" 404 "$(get '%{http_code}' "$url/link-out")"
	same "$1: IPv6" 200 "$(get '%{http_code}' "http://[::1]:$port/a.txt")"
}

version() {
	"$httpd" --version | cut -d' ' -f2
}

other_requests() {
	same "$1: POST" "405 GET, HEAD" "$(get '%{http_code} %header{allow}' -d x "$url/a.txt")"
	same "$1: HEAD" "200 0" "$(get '%{http_code} %{size_download}' -I "$url/large.bin")"
	curl -sI "$url/large.bin" | tr -d '\r' >headers
	has "$1: HEAD: length" '^Content-Length: 30000000$' headers
	has "$1: Server" "^Server: httpd/.* \($1\)$" headers
	has "$1: X-Served-By" '^X-Served-By: backend-1$' headers
	tag=$(sed -n 's/^ETag: //p' headers) date=$(sed -n 's/^Last-Modified: //p' headers)
	same "$1: If-None-Match" "304 0" \
		"$(get '%{http_code} %{size_download}' -H "If-None-Match: $tag" "$url/large.bin")"
	same "$1: If-Modified-Since" 304 \
		"$(get '%{http_code}' -H "If-Modified-Since: $date" "$url/large.bin")"
	same "$1: range" 206 "$(get '%{http_code}' -r 1000-20001999 "$url/large.bin")"
	same "$1: range: content" "$(tail -c +1001 root/large.bin | head -c 20001000 | sha256sum)" \
		"$(sha256sum <body)"
	same "$1: range from the end" "206 $(tail -c 7 root/medium.bin | sha256sum)" \
		"$(get '%{http_code} ' -r -7 "$url/medium.bin")$(sha256sum <body)"
	same "$1: If-Range, the same" 206 \
		"$(get '%{http_code}' -r 0-1 -H "If-Range: $tag" "$url/large.bin")"
	same "$1: If-Range, another" 200 \
		"$(get '%{http_code}' -r 0-1 -H 'If-Range: "x"' "$url/large.bin")"
	same "$1: range outside" "416 bytes */20480" \
		"$(get '%{http_code} %header{content-range}' -r 20480- "$url/medium.bin")"
	same "$1: HTTP/1.0" "200 1.1 close" \
		"$(get '%{http_code} %{http_version} %header{connection}' -0 "$url/a.txt")"
	same "$1: kept alive" "1 0 0" "$(curl -s -o body -w '%{num_connects} ' "$url/a.txt" \
		-o body "$url/none" -o body "$url/medium.bin" | sed 's/ $//')"
}

# After which the server is as it was before.
misbehaving_clients() {
	before=$(n_open)
	ok "$1: malformed requests" client corpus "$port"
	ok "$1: slow readers and clients that vanish" client slow "$port"
	ok "$1: a request that never ends" client trickle "$port"
	ok "$1: a file that shrinks under way" client shrink "$port"
	ok "$1: connections that end in all sorts of ways" client churn "$port" 2000
	ok "$1: no descriptor is left open" until_true no_more_open_than "$before"
}

for mode in async thread thread-pool process-pool; do
	serve --mode "$mode" --name backend-1 --timeout 3 --report report.json
	served_files "$mode"
	other_requests "$mode"
	misbehaving_clients "$mode"
	stop
	same "$mode: exit status" 0 "$status"
	same "$mode: nothing on stderr" "" "$(cat err)"
	has "$mode: log line" '^[0-9]+\.[0-9]{6} 127.0.0.1:[0-9]+ "GET /a.txt HTTP/1.1" 200 6 [0-9]+us$' log
	same "$mode: a line per request" "$(jq .requests report.json)" "$(grep -c us log)"
	same "$mode: no line is torn" "" \
		"$(sed '1d;$d' log | grep -Ev '^[0-9]+\.[0-9]{6} [^ ]+:[0-9]+ "[^"]*" [0-9]+ [0-9]+ [0-9]+us( aborted)?$')"
	same "$mode: 206 in the log and in the report" "$(grep -c '" 206 ' log)" \
		"$(jq '.status["206"]' report.json)"

	# Under load, no request that reached it is lost when it stops.
	serve --mode "$mode"
	: >load.out
	client load "$port" >load.out 2>&1 &
	load=$!
	ok "$mode: load" until_true grep -q loaded load.out
	stop
	same "$mode: stopped under load: exit status" 0 "$status"
	ok "$mode: stopped under load: nothing is lost" wait "$load"
	has "$mode: stopped under load: what clients say" '^[0-9]+ answered, 0 lost' load.out
done

# Ten thousand at once, and their memory. Sanitizers have memory of their own for each allocation.
n=10000
descriptors=$(awk '/open files/ { print $5 }' /proc/self/limits)
[ "$descriptors" -gt 11500 ] || n=$((descriptors / 2))
kib=64
case $BUILD in *asan* | *tsan*) kib=512 n=$((n / 10)) ;; esac
serve --mode async
ok "async: $n connections at once" env PID="$server" KIB="$kib" \
	python3 "$top/tests/labs/httpd_client.py" crowd "$port" "$n"
stop
same "async: $n connections at once: exit status" 0 "$status"
serve --mode thread
ok "thread: 500 connections at once" client crowd "$port" 500
stop

# Those beyond the limit wait until others have gone.
for mode in async thread thread-pool; do
	serve --mode "$mode" --limit-connections 3 --timeout 2
	for i in 1 2 3; do
		timeout 20 socat -u "TCP:127.0.0.1:$port" STDOUT >/dev/null &
		eval "held$i=\$!"
	done
	# shellcheck disable=SC2154
	ok "$mode: three are in" until_true is_connected 3
	same "$mode: a fourth is served when their time is over" 200 \
		"$(get '%{http_code}' --max-time 15 "$url/a.txt")"
	# shellcheck disable=SC2154
	wait "$held1" "$held2" "$held3"
	stop
	serve --mode "$mode" --limit-connections 20
	ok "$mode: two hundred at once, beyond the limit" client queue "$port" 200
	stop
	same "$mode: beyond the limit: exit status" 0 "$status"
done

# A worker that is killed is replaced, and nobody else notices.
serve --mode process-pool --workers 3
ok "process-pool: workers" until_true has_workers 3
first=$(pgrep -P "$server" | sort | xargs)
kill -KILL "${first%% *}"
ok "process-pool: a killed worker is replaced" until_true workers_changed
same "process-pool: served meanwhile" "200 200 200 200" \
	"$(for i in 1 2 3 4; do get '%{http_code} ' "$url/a.txt"; done | sed 's/ $//')"
has "process-pool: it says so" '^httpd: worker [0-9]+ was killed by signal 9 \(Killed\)$' err
stop
same "process-pool: exit status" 0 "$status"
has "process-pool: nothing else is said" '^httpd: worker' err
# shellcheck disable=SC2086
same "process-pool: no worker is left" "" "$(ps -o pid= -p ${first#* })"

# A large answer is finished before the end, unless that takes longer than --grace.
serve --mode async --grace 20
curl -s --limit-rate 20M -o slow "$url/large.bin" &
curl=$!
ok "grace: under way" until_true test -s slow
stop
same "grace: exit status" 0 "$status"
ok "grace: the client got all of it" wait "$curl"
ok "grace: whole" cmp slow root/large.bin
serve --mode thread --grace 0.2
curl -s --limit-rate 1M -o slow2 "$url/large.bin" &
curl=$!
ok "grace that is over: under way" until_true test -s slow2
stop
same "grace that is over: exit status" 0 "$status"
wait "$curl"
same "grace that is over: the client was cut off" 18 $?
has "grace that is over: counted" ' 1 aborted' log

refused() { # WHAT MESSAGE OPTION...
	what=$1 message=$2
	shift 2
	status=0
	"$httpd" "$@" >out 2>err || status=$?
	same "$what: exit status" "$expected" "$status"
	has "$what: message" "$message" err
}
expected=2
refused "unknown mode" "--mode: 'x' is none of async, thread, thread-pool, process-pool" --mode x
refused "workers without a pool" '--workers needs --mode' --workers 3
refused "a name of two lines" '--name: only printable ASCII' --name "a
b"
refused "no option" "'x' is not an option" x
expected=1
refused "no such folder" "^httpd: open the folder 'none': No such file" --root none
refused "not an address of this machine" '^httpd: listen on port 1 of 10.9.9.9: Cannot assign' \
	--address 10.9.9.9 --port 1
serve --address 127.0.0.1
refused "a port that is taken" 'Address already in use' --address 127.0.0.1 --port "$port"
same "an address: others are not served" 000 "$(get '%{http_code}' "http://[::1]:$port/a.txt")"
kill -INT "$server"
wait "$server"
same "SIGINT: exit status" 0 $?
server=
finish
