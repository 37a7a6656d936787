#!/bin/sh
# Labs to work in: up, ps, exec, shell, logs, down; and nothing left behind by any end of them.
. "$(dirname "$0")/lib.sh"
private_network=-n
alone
# LeakSanitizer's own process would have to be in the namespace that exec's children are in.
export ASAN_OPTIONS=detect_leaks=0

#    client ----+---- server
#              Hub1
cat >web.conf <<END
hub Hub1 {}
node client { interface eth0 { network = Hub1  address = "10.0.0.1/24" } }
node server { interface eth0 { network = Hub1  address = "10.0.0.2/24"  in { delay = 1ms } } }
program web { node = server  command = "python3 -u -m http.server 80 --directory $work/cwd"  listens = "tcp/80" }
program fetch { node = client  command = "curl -s http://server/" }
END
mkdir cwd
cd cwd || exit 1
echo hello >greeting
machine >../machine.before

# h COMMAND...: harness, with its status in $status, its output in out and err.
h() {
	status=0
	timeout 120 "$harness" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

up() { # CONF OPTION...
	conf=$1
	shift
	h up --detach --captures "$work/captures" "$@" "$work/$conf.conf"
}

# ---- up, ps, exec ----

up web
same "up: exit status" 0 "$status"
has "up: says what is up" "lab web is up: .*web.conf" "$work/out"
has "up: shows addresses" 'server +eth0 +Hub1 \(impaired\) +10.0.0.2/24' "$work/out"
has "up: shows what runs" '^running: web on server' "$work/out"
has "up: shows what is left to start" 'harness exec web client -- .*curl -s http://server/' "$work/out"
has "up: shows what to type next" 'harness shell web client' "$work/out"
h ps
has "ps: lists it" "^web +up +[0-9]+ s +.*web.conf +- +2 +1/1 +[0-9]+" "$work/out"
h ps -q
same "ps -q: its name" web "$(cat "$work/out")"
h ps web
has "ps LAB: nodes" '^client +eth0 +Hub1 .* 10.0.0.1/24' "$work/out"
has "ps LAB: programs" '^web +server +running +[0-9]+ +tcp/80' "$work/out"
h ps --json
same "ps --json" "web client,server web running tcp/80" "$(jq -r '.[] | [.name, ([.nodes[].name] | join(",")),
	.programs[0].name, .programs[0].state, .programs[0].listens[0]] | join(" ")' "$work/out")"

pids=
for i in 0 1 2 3 4 5 6 7 8 9; do
	node=$([ $((i % 2)) = 0 ] && echo client || echo server)
	# shellcheck disable=SC2016
	"$harness" exec web "$node" -- sh -c 'echo "$(hostname) $1"; exit "$1"' - "$i" >"$work/exec.$i" 2>&1 &
	pids="$pids $!"
done
i=0
for pid in $pids; do
	status=0
	wait "$pid" || status=$?
	same "ten at once: status of number $i" "$i" "$status"
	same "ten at once: output of number $i" "$([ $((i % 2)) = 0 ] && echo client || echo server) $i" \
		"$(cat "$work/exec.$i")"
	i=$((i + 1))
done
h exec web client -- curl -s http://server/greeting
same "exec: the server answers across the lab" "hello" "$(cat "$work/out")"
h exec web client pwd
same "exec: the current folder is kept" "$work/cwd" "$(cat "$work/out")"
# shellcheck disable=SC2016
h exec web server -- sh -c 'echo $HARNESS_LAB $HARNESS_NODE; ip netns list | sort | xargs; ip netns exec client ip -br address show eth0'
has "exec: the environment says where it is" '^web server$' "$work/out"
has "exec: ip netns knows the nodes" '^client server$' "$work/out"
has "exec: ip netns exec works" 'UP +10.0.0.1/24' "$work/out"

head -c 5000000 /dev/urandom >"$work/blob"
"$harness" exec web client -- cat <"$work/blob" >"$work/blob.back"
ok "exec: megabytes through it, byte for byte" cmp "$work/blob" "$work/blob.back"
ok "exec: output may be cut off" sh -c "'$harness' exec web client -- yes | head -n 1"

h exec web client -- no-such-program
same "exec: a missing program: exit status" 127 "$status"
has "exec: a missing program: message" 'no-such-program: No such file' "$work/err"
h exec web client -- "$work/cwd/greeting"
same "exec: not executable: exit status" 126 "$status"
# shellcheck disable=SC2016
h exec web client -- sh -c 'kill -TERM $$'
same "exec: ended by a signal: exit status" 143 "$status"
h exec web nobody -- true
same "exec: no such node: exit status" 2 "$status"
has "exec: no such node: message" "no node 'nobody'; nodes are client, server" "$work/err"
h exec none client -- true
same "exec: no such lab: exit status" 2 "$status"
has "exec: no such lab: message" "no lab 'none' is up.*harness ps.*harness up" "$work/err"

# in_lab PATTERN: how many processes of the lab have this command line.
in_lab() {
	"$harness" exec web client -- pgrep -fc -x "$1"
}

# until_in_lab PATTERN NUMBER: there are so many, before long.
until_in_lab() {
	for _ in $(seq 500); do
		[ "$(in_lab "$1")" = "$2" ] && return 0
		sleep 0.02
	done
	return 1
}

"$harness" exec web client -- sleep 1001 &
pid=$!
ok "exec: it runs" until_in_lab 'sleep 1001' 1
kill -9 "$pid"
ok "exec: killed, and its command dies" until_in_lab 'sleep 1001' 0
"$harness" exec web client -- sleep 1002 &
pid=$!
ok "exec: another runs" until_in_lab 'sleep 1002' 1
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
same "exec: SIGTERM goes to its command" 143 "$status"

# ---- a terminal ----

cat >"$work/terminal.py" <<'END'
# terminal.py EXPECT SEND [EXPECT SEND]... -- COMMAND...: types SEND when EXPECT has come.
import os, pty, select, signal, sys, time
at = sys.argv.index("--")
script, command = sys.argv[1:at], sys.argv[at + 1:]
pid, fd = pty.fork()
if pid == 0:
    # Ignored in the background, where tests run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)
seen, end = b"", time.monotonic() + 60
def read():
    global seen
    if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
        os.kill(pid, 9)
        sys.exit(f"deadline; so far: {seen}")
    try:
        data = os.read(fd, 65536)
    except OSError:
        data = b""
    seen += data
    sys.stdout.buffer.write(data)
    return data
for expect, send in zip(script[::2], script[1::2]):
    expect, send = (s.encode().decode("unicode_escape").encode() for s in (expect, send))
    while expect not in seen:
        if not read():
            sys.exit(f"ended before {expect}")
    seen = seen[seen.index(expect) + len(expect):]
    os.write(fd, send)
while read():
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
terminal() {
	status=0
	python3 "$work/terminal.py" "$@" >"$work/out" 2>"$work/err" || status=$?
}

SHELL=/bin/bash TERM=dumb terminal 'server:' 'hostname\n' 'server\r\n' 'sleep 77 & jobs\n' 'Running' 'kill %1; exit 5\n' \
	-- "$harness" shell web server
same "shell: bash: exit status" 5 "$status"
[ "$status" = 5 ] || cat "$work/out" "$work/err"
has "shell: bash: the prompt" '^server:' "$work/out"
same "shell: bash: it has a terminal for its jobs" 0 "$(grep -c 'no job control' "$work/out")"
SHELL=/bin/sh TERM=dumb terminal 'client$ ' 'hostname\n' 'client\r\n' 'exit 6\n' -- "$harness" shell web client
same "shell: sh: exit status" 6 "$status"
has "shell: sh: the prompt" '^client\$ ' "$work/out"
TERM=dumb terminal 'begin' '\x03' 'caught' '' -- "$harness" exec web client -- \
	sh -c 'trap "echo caught; exit 9" INT; echo begin; while :; do sleep 0.1; done'
same "exec: Ctrl-C is the command's" 9 "$status"

# ---- several labs, logs ----

up web
same "the same name again: exit status" 2 "$status"
has "the same name again: message" "'web' is up already: 'harness down web'.*--name" "$work/err"
up web --name other
same "another name: exit status" 0 "$status"
h ps -q
same "two labs of one topology" "other web" "$(xargs <"$work/out")"
h exec other client -- curl -s -o /dev/null http://server/nothing
h logs other
has "logs: of this lab" 'GET /nothing' "$work/out"
h logs web web
same "logs: of that lab alone" 0 "$(grep -c 'GET /nothing' "$work/out")"
has "logs: of a program" 'GET /greeting' "$work/out"
h logs -n 1 web
same "logs -n 1: one line" 1 "$(wc -l <"$work/out")"
h logs web nothing
same "logs: no such program: exit status" 2 "$status"
"$harness" logs -f web >"$work/followed" &
follower=$!
h exec web client -- curl -s -o /dev/null http://server/followed
for _ in $(seq 500); do
	grep -q 'GET /followed' "$work/followed" && break
	sleep 0.02
done
has "logs -f: what is said later" 'GET /followed' "$work/followed"
h down other

# ---- down ----

"$harness" exec web client -- sh -c 'trap "" TERM HUP; while :; do sleep 1; done' 2>"$work/stubborn.err" &
stubborn=$!
ok "exec: one that ignores signals runs" until_in_lab 'sh -c trap.*' 1
# A caller that is stopped must not keep the lab.
kill -STOP "$stubborn"
h down web
same "down: exit status" 0 "$status"
has "down: says where captures are" "web: down; [0-9]+ packets: .*/merged.pcapng" "$work/out"
kill -CONT "$stubborn"
status=0
wait "$stubborn" || status=$?
same "exec: it was killed with the lab" 137 "$status"
status=0
wait "$follower" || status=$?
same "logs -f: ends with the lab" 0 "$status"
h ps -q
same "down: no lab is there" "" "$(cat "$work/out")"
ok "down: nothing is left" machine_settles_to ../machine.before
h down web
same "down: no such lab: exit status" 2 "$status"

evidence=$work/captures/web/latest/run
[ -e "$evidence" ] || ls -lR "$work/captures"
for f in "$work"/captures/web/*-*/run/*.pcapng; do
	tshark -r "$f" >"$work/tshark.out" 2>"$work/tshark.err"
	same "tshark reads ${f#"$work"/captures/web/*/}" 0 $?
done
same "tshark: the request, at both ends of it and before its link" 3 "$(for f in "$work"/captures/web/*-*/run/merged.pcapng; do
	tshark -r "$f" -Y 'frame contains "GET /followed"' 2>/dev/null
done | wc -l)"

# ---- in the foreground ----

"$harness" up --captures "$work/captures" "$work/web.conf" >"$work/out" 2>"$work/err" &
keeper=$!
for _ in $(seq 500); do
	grep -q 'Ctrl-C here' "$work/out" && break
	sleep 0.02
done
h exec web client -- true
same "foreground: exec" 0 "$status"
"$harness" up --captures "$work/captures" --name fore "$work/web.conf" >"$work/fore.out" 2>"$work/fore.err" &
fore=$!
for _ in $(seq 500); do
	grep -q 'Ctrl-C here' "$work/fore.out" && break
	sleep 0.02
done
kill -INT "$fore"
status=0
wait "$fore" || status=$?
same "foreground: SIGINT: exit status" 0 "$status"
has "foreground: SIGINT: the place of captures" 'down; [0-9]+ packets: .*/merged.pcapng' "$work/fore.err"
h down --all
status=0
wait "$keeper" || status=$?
same "foreground: down: exit status" 0 "$status"
ok "foreground: nothing is left" machine_settles_to ../machine.before

# ---- what cannot be brought up ----

printf 'hub Hub1 {}\nnode a { interface eth0 { network = Hub2 } }\n' >"$work/broken.conf"
up broken
same "a broken topology: exit status" 2 "$status"
has "a broken topology: message" 'broken.conf:2: .*Hub2' "$work/err"
sed 's/command = "python3[^"]*"/command = "false"/' "$work/web.conf" >"$work/dead.conf"
up dead
same "a server that ends: exit status" 1 "$status"
has "a server that ends: message" 'server/false.web.*exited with status 1 before it was ready' "$work/err"
sed 's/command = "python3[^"]*"/command = "sleep 100"/' "$work/web.conf" >"$work/deaf.conf"
up deaf
same "a server that never listens: exit status" 1 "$status"
has "a server that never listens: message" 'not ready within [0-9.]+ s: it did not bind TCP port 80' "$work/err"
up web --only mode=none
same "--only without a match: exit status" 2 "$status"
up web --name 'no/name'
same "a name that cannot be: exit status" 2 "$status"
h ps -q
same "none of them is up" "" "$(cat "$work/out")"
ok "nothing is left of them" machine_settles_to ../machine.before

cat >"$work/several.conf" <<'END'
vary loss { values = { "0%", "50%" } }
hub Hub1 {}
node a { interface eth0 { network = Hub1  address = "10.0.0.1/24"  loss = "%{loss}" } }
END
up several --only loss=50%
has "--only: the combination" 'loss=50% \(of 2 combinations' "$work/out"
h ps
has "ps: the combination" 'loss=50%' "$work/out"
h down several

# ---- killed ----

# The processes that the harness has for a lab: keeper, supervisor, recorder, wire.
# shellcheck disable=SC2034 # by their names, below
processes() {
	keeper=$("$harness" ps --json | jq '.[0].pid')
	supervisor=$(pgrep -P "$keeper")
	recorder=$(pgrep -P "$supervisor" -x recorder)
	wire=$(pgrep -P "$supervisor" -x wire)
}

# shellcheck disable=SC2317 # ok calls it
no_lab() {
	for _ in $(seq 500); do
		[ -z "$("$harness" ps -q)" ] && return 0
		sleep 0.02
	done
	return 1
}

for order in keeper supervisor recorder wire "keeper supervisor recorder wire" \
	"wire recorder supervisor keeper" "recorder keeper" "supervisor wire keeper"; do
	up web
	same "killed $order: it was up" 0 "$status"
	processes
	"$harness" exec web client -- sleep 1003 2>/dev/null &
	pid=$!
	until_in_lab 'sleep 1003' 1
	for name in $order; do
		eval "victim=\$$name"
		# shellcheck disable=SC2154
		kill -9 "$victim" 2>/dev/null
	done
	ok "killed $order: ps shows nothing" no_lab
	up web
	same "killed $order: the same name at once" 0 "$status"
	h down web
	status=0
	wait "$pid" || status=$?
	ok "killed $order: its command is dead" [ "$status" -gt 128 ]
	ok "killed $order: nothing is left" machine_settles_to ../machine.before
done

up web
processes
kill -STOP "$keeper"
h ps
has "a stopped one does not hang ps" '^web +no answer' "$work/out"
h exec web client -- true
same "a stopped one: exec: exit status" 3 "$status"
h down --timeout 0 web
same "a stopped one: down kills it: exit status" 3 "$status"
has "a stopped one: down says so" 'killed.*not merged' "$work/out"
ok "a stopped one: nothing is left" machine_settles_to ../machine.before

# ---- without root ----

if [ "$(id -u)" = 0 ]; then
	chmod 644 "$work/web.conf"
	mkdir "$work/theirs"
	chown 65534:65534 "$work/theirs"
	cat >"$work/user.sh" <<'END'
cd "$3" && "$1" up --detach --captures "$3" "$2" && "$1" ps -q && "$1" exec web client -- curl -s -o /dev/null http://server/ &&
	"$1" exec web server -- id -u && "$1" down web
END
	up web
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		sh "$work/user.sh" "$harness" "$work/web.conf" "$work/theirs" >"$work/user.out" 2>&1 || status=$?
	same "a user without root: exit status" 0 "$status"
	[ "$status" = 0 ] || cat "$work/user.out"
	has "a user without root: only their labs, by whatever name" '^web$' "$work/user.out"
	has "a user without root: down" 'web: down; [1-9][0-9]* packets' "$work/user.out"
	h down --all
else
	skip "without root" "the test itself is run without root"
fi
ok "nothing is left in the end" machine_settles_to ../machine.before
finish
