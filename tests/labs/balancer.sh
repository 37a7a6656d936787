#!/bin/sh
# The balancer in a network namespace of its own: turns, backends that fail, clients that vanish.
# shellcheck disable=SC2086,SC3045 # lists of options; every shell that is sh somewhere has ulimit -n
. "$(dirname "$0")/lib.sh"
if [ -z "${LOOPBACK:-}" ]; then
	cd "$top" && rm -rf "$work"
	# With pid 1, the shell, everything it started ends.
	LOOPBACK=1 exec unshare -n -m -p -f --mount-proc sh "$top/tests/labs/$(basename "$0")"
fi
ip link set lo up
ulimit -n "$(ulimit -Hn)"
sysctl -q -w net.ipv4.ip_local_port_range="10000 65000"
# Small windows: what readers do not take reaches the sender soon.
sysctl -q -w net.ipv4.tcp_rmem="4096 65536 262144" net.ipv4.tcp_wmem="4096 65536 262144"

balancer=$BUILD/nodes/balancer bad=$BUILD/tests/nodes/bad-balancer
peer="python3 $top/tests/labs/balancer.py"

listens() { # PORT
	for _ in $(seq 1000); do
		[ -z "$(ss -Hltn "sport = :$1")" ] || return 0
		sleep 0.02
	done
	echo "nothing listens on port $1"
	return 1
}

# says WORD FILE: until a line of the file has it.
says() {
	for _ in $(seq 3000); do
		! grep -q -- "$1" "$2" 2>/dev/null || return 0
		sleep 0.02
	done
	echo "$2 does not say $1"
	return 1
}

# backend PORT...: start one process that serves them; its id in $backend.
backend() {
	$peer serve "$@" >backend.out &
	backend=$!
	for port in "$@"; do
		listens "$port" || exit 1
	done
}

# balance OPTION...: start the balancer on port 9000; its id in $pid.
balance() {
	"$balancer" --listen 127.0.0.1:9000 "$@" >log 2>err &
	pid=$!
	listens 9000 || { cat err && exit 1; }
}

stop() {
	kill "$pid"
	wait "$pid"
	same "$1: exit status" 0 $?
}

three="--backend 127.0.0.1:8001 --backend 127.0.0.1:8002 --backend 127.0.0.1:8003"
connections() {
	sed -n 's/^backend .* connections \([0-9]*\) .*/\1/p' log | tail -n 3 | xargs
}

# The balancer and its workers.
processes() {
	echo "$pid"
	pgrep -P "$pid"
}

fds() {
	for p in $(processes); do
		find "/proc/$p/fd" -type l -lname 'socket:*' 2>/dev/null
	done | wc -l
}

# Until nothing of any connection is open: what a balancer of no connections has open is $1.
# shellcheck disable=SC2317
fds_return_to() {
	for _ in $(seq 1000); do
		[ "$(fds)" != "$1" ] || return 0
		sleep 0.02
	done
	echo "$(fds) sockets are open, not $1"
	return 1
}

# Of all its processes, the most they ever had, KiB. Sanitizers have a memory of their own.
# shellcheck disable=SC2317
memory_below() {
	case $BUILD in *asan* | *tsan*) return 0 ;; esac
	for p in $(processes); do
		cat "/proc/$p/status"
	done | awk -v most="$1" '/^VmHWM/ { n += $2 } END { print n " KiB"; exit n > most }'
}

# The options and what is said of wrong ones.
"$balancer" --help >out
same "--help: exit status" 0 $?
has "--help" '^usage: balancer --listen' out
refused() { # MESSAGE OPTION...
	message=$1
	shift
	"$balancer" "$@" >out 2>err
	same "$*: exit status" 2 $?
	has "$*: message" "$message" err
}
refused '^balancer: --listen is missing' --backend 127.0.0.1:1
refused '^balancer: --backend is missing' --listen 9000
refused "^balancer: --backend: '127.0.0.1' does not end in a port" --listen 9000 --backend 127.0.0.1
refused "^balancer: --backend: resolve 'no.such.host.invalid'" --listen 9000 --backend no.such.host.invalid:80
refused "^balancer: --mode: 'threads' is none of async, process" --mode threads
refused '^balancer: --workers needs --mode process' --listen 9000 --backend 127.0.0.1:1 --workers 2

backend 8001 8002 8003
balance $three
"$balancer" --listen 127.0.0.1:9000 --backend 127.0.0.1:1 >out 2>err2
same "a port that is taken: exit status" 1 $?
has "a port that is taken: message" '^balancer: listen on 127.0.0.1:9000: Address already in use' err2
stop "a port that is taken"

for mode in "async" "process --workers 3"; do
	balance --mode $mode $three --report report
	none=$(fds)
	$peer stream 1500 100 0 60000 >out
	same "$mode: small streams" "1500 whole" "$(cat out)"
	$peer stream 3 3 20000000 40000000 >out
	same "$mode: large streams" "3 whole" "$(cat out)"
	ok "$mode: no descriptor stays" fds_return_to "$none"

	$peer vanish 200 >out
	same "$mode: clients vanish" gone "$(cat out)"
	ok "$mode: clients vanish, no descriptor stays" fds_return_to "$none"

	mkfifo gate
	$peer slow 30 8388608 <gate >out &
	slow=$!
	exec 3>gate
	says full out
	$peer stream 100 20 0 60000 >out2
	same "$mode: beside slow readers, others are served" "100 whole" "$(cat out2)"
	echo >&3
	wait "$slow"
	exec 3>&-
	same "$mode: slow readers get everything" "30 whole" "$(tail -n 1 out)"

	$peer half_open 20000 >out
	$peer silent 500 <gate >out &
	silent=$!
	exec 3>gate
	says silent out
	$peer stream 100 20 0 60000 >out2
	same "$mode: beside SYNs and silent clients, others are served" "100 whole" "$(cat out2)"
	exec 3>&-
	wait "$silent"
	rm gate
	ok "$mode: silent clients, no descriptor stays" fds_return_to "$none"
	ok "$mode: memory is bounded" memory_below 40000
	stop "$mode"
	# 2433 in all, each third one the same backend's, also those of clients that vanished.
	same "$mode: turns are exact" "811 811 811" \
		"$(grep -o ' 127.0.0.1:800[123] up' log | sort | uniq -c | awk '{ print $1 }' | xargs)"
	same "$mode: connections" 2433 "$(jq .accepted report)"
	same "$mode: a line for each connection" 2433 "$(grep -Ec '^[0-9-]+T[0-9:.]+Z 127.0.0.1:[0-9]+ 127.0.0.1:800[123] up [0-9]+ down [0-9]+ ms [0-9.]+ (done|client-reset)$' log)"
	same "$mode: every connection has ended" "$(jq .accepted report)" "$(jq '.done + .client_reset' report)"
	same "$mode: bytes are counted" "$(awk '$4 == "up" { n += $5 } END { printf "%d", n }' log)" \
		"$(jq '[.backends[].bytes_up] | add' report)"
done

# As many as this machine's limit lets a process have, and ten thousand with workers.
n=$((($(ulimit -n) - 100) / 2))
[ "$n" -lt 10000 ] || n=10000
for mode in "async" "process --workers 4"; do
	balance --quiet --mode $mode $three
	none=$(fds)
	mkfifo gate
	$peer hold "$n" <gate >out &
	hold=$!
	exec 3>gate
	says held out
	same "$mode: $n connections at once" "$n held" "$(cat out)"
	ok "$mode: $n connections at once, open" [ "$(fds)" -ge $((2 * n)) ]
	ok "$mode: $n connections at once, memory" memory_below 40000
	exec 3>&-
	wait "$hold"
	rm gate
	ok "$mode: $n connections, no descriptor stays" fds_return_to "$none"
	stop "$mode, $n connections"
	n=10000
	[ "$(ulimit -n)" -gt 10100 ] || n=$(($(ulimit -n) - 100))
done

# Fewer descriptors than clients: they wait, nobody is lost, and waiting costs nothing.
(ulimit -n 100 && exec "$balancer" --listen 127.0.0.1:9000 $three) >log 2>err &
pid=$!
listens 9000
mkfifo gate
$peer silent 60 <gate >out &
silent=$!
exec 3>gate
says silent out
says 'out of descriptors' err
before=$(awk '{print $14 + $15}' "/proc/$pid/stat")
sleep 1 # of time that is measured, not waited for
ok "no descriptors: it does not spin" [ $(($(awk '{print $14 + $15}' "/proc/$pid/stat") - before)) -lt 20 ]
exec 3>&-
wait "$silent"
rm gate
$peer stream 20 20 0 60000 >out
same "no descriptors: served when there are some again" "20 whole" "$(cat out)"
$peer stream 60 60 0 600 >out
same "no descriptors: who waits is served" "60 whole" "$(cat out)"
stop "no descriptors"

balance $three --limit 5
mkfifo gate
$peer hold 5 <gate >out &
hold=$!
exec 3>gate
says held out
same "--limit: the sixth" reset "$($peer how_it_ends)"
exec 3>&-
wait "$hold"
rm gate
stop "--limit"
has "--limit: its line" ' - up 0 down 0 ms [0-9.]+ limit$' log
has "--limit: counted" '^counters accepted 5 .* limit 1 ' log

# Backends that fail. Nobody listens on 8009.
balance --backend 127.0.0.1:8009 $three --retry-after 100
$peer stream 300 50 0 6000 >out
same "one refuses: nobody notices" "300 whole" "$(cat out)"
kill -USR1 "$pid"
ok "one refuses: counters on SIGUSR1" says '^backend 127.0.0.1:8009 connections 0 failures [1-9]' log
stop "one refuses"
same "one refuses: the others share its turns" "100 100 100" "$(connections)"

# fault COMMAND PORT: a backend of that behaviour; its id in $fault.
fault() {
	: >fault.out
	$peer "$@" >fault.out &
	fault=$!
	says ready fault.out
}

for mode in async process; do
	fault stuck 8010
	balance --mode $mode --backend 127.0.0.1:8010 $three --connect-timeout 0.2 --retry-after 100
	$peer stream 100 100 0 6000 >out
	same "$mode: one never answers: nobody notices" "100 whole" "$(cat out)"
	stop "$mode: one never answers"
	has "$mode: one never answers: counted" '^backend 127.0.0.1:8010 connections 0 failures [1-9]' log
	kill "$fault"

	fault rude 8011
	balance --mode $mode --backend 127.0.0.1:8011 $three --retry-after 100
	# Bytes may be on their way to it before its reset comes: those cannot be saved.
	$peer stream 20 1 600 6000 >out
	stop "$mode: one resets at once"
	same "$mode: one resets at once: saved, or counted" 20 \
		"$(($(sed 's/ .*//;q' out) + $(sed -n 's/.* broken \([0-9]*\) no-backend.*/\1/p' log)))"
	kill "$fault"

	fault broken 8012
	balance --mode $mode --backend 127.0.0.1:8012
	same "$mode: one breaks: the client sees that it did" "part reset" "$($peer partly)"
	stop "$mode: one breaks"
	has "$mode: one breaks: its line" ' 127.0.0.1:8012 up 1 down 4 ms [0-9.]+ broken$' log
	has "$mode: one breaks: counted" '^backend 127.0.0.1:8012 connections 1 failures 0 broken 1 ' log
	kill "$fault"

	balance --mode $mode --backend 127.0.0.1:8009 --backend localhost:8019 --retry-after 0.05
	same "$mode: all refuse" reset "$($peer how_it_ends)"
	backend 8019
	same "$mode: one comes back" hello "$($peer how_it_ends)"
	kill "$backend"
	stop "$mode: all refuse"
	has "$mode: all refuse: its line" ' - up 0 down 0 ms [0-9.]+ no-backend$' log
	has "$mode: all refuse: counted" ' no-backend 1 ' log

	# Killed and paused while many connections come.
	backend 8020
	balance --mode $mode --backend 127.0.0.1:8020 $three
	$peer stream 600 30 0 6000 >out &
	many=$!
	says ' done$' log
	kill -STOP "$backend"
	kill -CONT "$backend"
	kill -KILL "$backend"
	wait "$many"
	stop "$mode: one is killed"
	# Its kernel ends what it had with a FIN or a reset, whatever was missing.
	whole=$(sed 's/ .*//;q' out)
	ok "$mode: one is killed: at most what it had at that time is lost ($whole of 600 whole)" [ "$whole" -ge 570 ]
	same "$mode: one is killed: nobody was turned away" 600 \
		"$(sed -n 's/^counters accepted \([0-9]*\) .* no-backend 0 .*/\1/p' log)"
done

# Stopping.
for mode in async process; do
	balance --mode $mode $three
	mkfifo gate
	$peer hold 2 <gate >out &
	hold=$!
	exec 3>gate
	says held out
	kill "$pid"
	until [ -z "$(ss -Hltn 'sport = :9000')" ]; do sleep 0.02; done
	same "$mode: stopping: new clients are refused" refused "$($peer how_it_ends 2>/dev/null || echo refused)"
	ok "$mode: stopping: it waits for those it has" kill -0 "$pid"
	exec 3>&-
	wait "$hold"
	wait "$pid"
	same "$mode: stopping: exit status" 0 $?
	has "$mode: stopping: all were finished" '^counters accepted 2 open 0 done 2 ' log

	for how in grace twice; do
		balance --mode $mode --grace 0.3 $three
		[ $how = grace ] || { stop "$mode: spare"; balance --mode $mode --grace 1000 $three; }
		$peer hold 2 <gate >out &
		hold=$!
		exec 3>gate
		says held out
		kill "$pid"
		if [ $how = twice ]; then
			until [ -z "$(ss -Hltn 'sport = :9000')" ]; do sleep 0.02; done
			kill "$pid"
		fi
		wait "$pid"
		same "$mode: stopping, $how: exit status" 0 $?
		has "$mode: stopping, $how: counted" '^counters accepted 2 open 0 .* stopped 2$' log
		exec 3>&-
		wait "$hold"
	done
	rm gate
done

# Signals that come as soon as they can.
stops=${STOPS:-4}
for mode in "async" "process --workers 40"; do
	for signal in TERM USR1; do
		$peer early $signal $((2 * stops)) "$balancer" --listen 127.0.0.1:9000 --mode $mode $three >out
		same "$mode: SIG$signal at once, exit status" 0 "$(cat out)"
	done
done

# And those that come under load: who was let in is served.
for mode in async process; do
	$peer stopped_under_load $stops "$balancer" --listen 127.0.0.1:9000 --mode $mode $three >out
	same "$mode: stopped under load" "0 lost, status 0" "$(cat out)"
done

# A log that nobody reads any more is told of at the end, and ends nothing before.
mkfifo gate
for mode in async process; do
	: >err
	head -n 1 <gate >/dev/null &
	reader=$!
	"$balancer" --listen 127.0.0.1:9000 --mode $mode --backend 127.0.0.1:8001 >gate 2>err &
	pid=$!
	listens 9000
	$peer stream 10 1 0 6000 >out
	wait "$reader"
	kill -USR1 "$pid"
	$peer stream 10 1 0 6000 >out
	same "$mode: nobody reads the log: clients are served" "10 whole" "$(cat out)"
	kill "$pid"
	wait "$pid"
	same "$mode: nobody reads the log: exit status" 1 $?
	has "$mode: nobody reads the log: it says so" 'the log could not be written$' err
done
rm gate

balance --mode process --workers 2 $three
kill -KILL "$(pgrep -P "$pid" | head -n 1)"
says 'ended with signal 9' err
for _ in $(seq 500); do
	[ "$(pgrep -c -P "$pid")" != 2 ] || break
	sleep 0.02
done
same "a worker that dies is replaced" 2 "$(pgrep -c -P "$pid")"
stop "a worker that dies"

balance $three --idle 0.1
same "--idle" "hello reset" "$($peer how_it_ends) $($peer lingers)"
stop "--idle"
has "--idle: its line" ' idle$' log

# The balancers with a fault have it.
mkdir www
head -c 5000 /dev/zero | tr '\0' x >www/page
python3 -m http.server --directory www --bind 127.0.0.1 8031 >web.log 2>&1 &
web=$!
listens 8031
for f in silent partial truncate; do
	"$bad" $f 9000 127.0.0.1:8031 127.0.0.1:8001 &
	pid=$!
	listens 9000
	for _ in 1 2; do
		curl -s -m 5 -o body -w '%{http_code} %{size_download} %{exitcode}\n' http://127.0.0.1:9000/page
	done >out
	case $f in
	silent) expected="000 0 52 000 0 52" ;;
	partial) expected="200 5000 0 200 5000 0" ;;
	truncate) expected="200 10 18" ;;
	esac
	same "bad-balancer $f" "$expected" "$(if [ $f = truncate ]; then head -n 1 out; else xargs <out; fi)"
	kill "$pid"
	wait "$pid" 2>/dev/null
done
kill "$web"
finish
