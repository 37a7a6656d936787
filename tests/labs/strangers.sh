#!/bin/sh
# Programs of others that behave in every way but the expected one: each gets the right verdict for
# the right reason, in bounded memory, and nothing hangs.
# What is in single quotes is for the shells of programs.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"

# lab NAME: the rest of a topology from standard input, run; sets status and report.
lab() {
	topology "$1"
	run "$1"
}

logs() { # NAME PROGRAM: its log
	cat "$work/captures/$1/latest/run/logs/$2.log"
}

outcome_of() { # PROGRAM: how long it ran, and its outcome
	jq -r ".runs[0].programs[] | select(.name | endswith(\"$1\")) | \"\(.time_ns) \(.outcome)\"" "$report"
}

# ---- order ----

lab order <<'EOF'
program server { node = alpine-2  command = "sh -c 'sleep 0.2; echo up; exec sleep 100'"  ready-output = '^up$' }
program first  { node = alpine-1  command = "sh -c 'sleep 0.1; echo first'" }
program second { node = alpine-1  command = "echo second"  after = { first, late } }
program late   { node = alpine-3  command = "sh -c 'echo late; exec sleep 100'"  after = first  ready-output = late }
EOF
same "order: exit status" 0 "$status"
began() { # PROGRAM
	head -n 1 "$work/captures/order/latest/run/logs/$1.times"
}
same "order: one after the other" "$(printf 'alpine-2.sh.server\nalpine-1.sh.first\nalpine-3.sh.late\nalpine-1.echo.second')" \
	"$(for p in alpine-1.echo.second alpine-1.sh.first alpine-2.sh.server alpine-3.sh.late; do
		echo "$(began "$p") $p"
	done | sort -n | cut -d ' ' -f 2)"

# ---- what they find ----

echo "from a file" >words
before=$(cat /etc/resolv.conf 2>/dev/null)
mkdir -p there
lab surroundings <<'EOF'
program reads  { node = alpine-1  command = "cat"  stdin = "words" }
program closed { node = alpine-1  command = "cat" }
program where  { node = alpine-1  command = "sh -c 'echo x >made; pwd'"  after = elsewhere }
program elsewhere { node = alpine-1  command = "sh -c 'basename $PWD; echo $COLOUR'"  cwd = "there"  env = "COLOUR=light blue" }
program who    { node = alpine-1  command = "sh -c 'id -un; echo $HOME; echo mine >by-nobody'"  user = nobody }
program names  { node = alpine-1  command = "sh -c 'hostname; getent hosts alpine-3; echo nameserver 10.0.0.9 >/etc/resolv.conf'" }
EOF
same "surroundings: exit status" 0 "$status"
same "standard input from a file" "from a file" "$(logs surroundings alpine-1.cat.reads)"
same "no standard input" "" "$(logs surroundings alpine-1.cat.closed)"
same "its folder is the node's" "$(readlink -f "$work/captures/surroundings/latest/run/nodes/alpine-1")" \
	"$(readlink -f "$(logs surroundings alpine-1.sh.where)")"
ok "what it wrote there is evidence" [ -f "$work/captures/surroundings/latest/run/nodes/alpine-1/made" ]
same "another folder and environment" "$(printf 'there\nlight blue')" "$(logs surroundings alpine-1.sh.elsewhere)"
has "another user" '^nobody$' "$work/captures/surroundings/latest/run/logs/alpine-1.sh.who.log"
same "another user can write there" mine "$(cat "$work/captures/surroundings/latest/run/nodes/alpine-1/by-nobody")"
same "the host's resolver is not touched" "$before" "$(cat /etc/resolv.conf 2>/dev/null)"

# ---- how they end ----

lab stop <<'EOF'
program polite { node = alpine-2  command = "sh -c 'trap \"echo bye; exit 7\" INT; echo up; while :; do sleep 0.1; done'"
                 ready-output = up  stop-signal = SIGINT }
program client { node = alpine-1  command = true }
EOF
same "a stop signal of its own: exit status" 0 "$status"
has "a stop signal of its own: it was heard" '^bye$' "$work/captures/stop/latest/run/logs/alpine-2.sh.polite.log"

lab stubborn <<'EOF'
program stubborn { node = alpine-2  command = "sh -c 'trap : TERM; echo up; while :; do sleep 0.1; done'"
                   ready-output = up  stop-within = 300ms }
EOF
same "one that ignores its signal: exit status" 1 "$status"
has "one that ignores its signal: reason" 'stubborn: ignored SIGTERM and had to be killed' stubborn.out

lab late <<'EOF'
program late { node = alpine-1  command = "sleep 100"  deadline = 300ms }
EOF
same "a deadline of its own: exit status" 1 "$status"
has "a deadline of its own: reason" 'late: still running when its deadline of 300 ms passed' late.out

lab restarts <<'EOF'
program shaky { node = alpine-1  command = "sh -c 'echo try >>tries; [ $(wc -l <tries) = 3 ]'"  restart = "on-failure:5" }
program never { node = alpine-3  command = "sh -c 'echo try; exit 4'"  restart = "on-failure:2" }
EOF
same "restarts: exit status" 1 "$status"
has "restarts: until it is given up" 'never.* exited 4, after 2 restarts' restarts.out
same "restarts: the one that came good" pass \
	"$(jq -r '.runs[0].programs[] | select(.name | endswith("shaky")).outcome' "$report")"

lab ends <<'EOF'
program once  { node = alpine-2  command = "sh -c 'echo up; read line; sleep 0.3; echo $line; exit 0'"  stdin = "words"
                ready-output = up  ends = yes }
program client { node = alpine-1  command = true }
EOF
same "a server that ends: exit status" 0 "$status"
same "a server that ends: it had its time" "from a file" "$(logs ends alpine-2.sh.once | tail -n 1)"

lab endless <<'EOF'
deadline = 1s
program once  { node = alpine-2  command = "sh -c 'echo up; sleep 100'"  ready-output = up  ends = yes }
EOF
same "a server that does not end: exit status" 124 "$status"
has "a server that does not end: reason" 'once: still running when the deadline of 1.00 s passed' endless.out

lab early <<'EOF'
program once  { node = alpine-2  command = "sh -c 'echo up; sleep 0.1'"  ready-output = up }
program client { node = alpine-1  command = "sleep 0.5" }
EOF
same "a server that ends and does not say so: exit status" 1 "$status"
has "a server that ends and does not say so: reason" 'once: exited 0 before it was told to stop .*ends = yes' early.out

# ---- misbehaviour ----

lab background <<'EOF'
program daemon { node = alpine-2  command = "sh -c 'setsid sleep 7654 >/dev/null 2>&1 & exit 0'"  listens = tcp/80 }
EOF
same "a daemon: exit status" 1 "$status"
has "a daemon: reason" 'daemon: went to the background: left 1 process running' background.out
ok "a daemon: it is gone" sh -c '! pgrep -f "^sleep 7654$"'

lab holds <<'EOF'
program holds { node = alpine-2  command = "sh -c 'setsid sleep 1000 & echo done'" }
EOF
same "a daemon that keeps standard output: exit status" 1 "$status"
has "a daemon that keeps standard output: reason" 'holds: went to the background' holds.out
same "a daemon that keeps standard output: its output" "done" "$(logs holds alpine-2.sh.holds)"

lab silent <<'EOF'
program silent { node = alpine-1  command = "sh -c 'exec >&- 2>&-; sleep 0.2; exit 0'" }
EOF
same "one that closes its output: exit status" 0 "$status"
same "one that closes its output: nothing is there" "" "$(logs silent alpine-1.sh.silent)"

lab flood <<'EOF'
deadline = 120s
capture { buffer = 4MiB } # memory of the recorder, and none of what is measured
program flood { node = alpine-1  command = "sh -c 'echo first line; yes abcdefghi | head -c 1000000000; echo the last line'" }
EOF
same "1 GB of output: exit status" 0 "$status"
log=$work/captures/flood/latest/run/logs/alpine-1.sh.flood.log
same "1 GB of output: the beginning" "first line" "$(head -n 1 "$log")"
same "1 GB of output: the end" "the last line" "$(tail -n 1 "$log")"
ok "1 GB of output: the log is bounded" [ "$(stat -c %s "$log")" -lt 70000000 ]
same "1 GB of output: what is left out is said, and counted" 1000000025 \
	"$(($(grep -ao '^\[harness left out [0-9]* bytes here\]$' "$log" | tr -dc 0-9) + $(stat -c %s "$log") -
		$(grep -ao '^\[harness left out [0-9]* bytes here\]$' "$log" | wc -c) - 1))"
ok "1 GB of output: bounded memory" python3 - "$harness" "$work" <<'EOF'
import resource, subprocess, sys
run = subprocess.run([sys.argv[1], "run", "-q", "--captures", sys.argv[2] + "/captures", sys.argv[2] + "/flood.conf"],
                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(largest, "KiB, exit status", run.returncode, run.stdout.decode())
sys.exit(run.returncode != 0 or largest > 100000)
EOF

lab unready <<'EOF'
program mute { node = alpine-2  command = "sh -c 'echo soon; sleep 100'"  ready-output = 'now|ready'  ready-within = 300ms }
program client { node = alpine-1  command = true }
EOF
same "never ready: exit status" 1 "$status"
has "never ready: reason" "mute: not ready within 300 ms: it wrote no line that matches 'now\\|ready'" unready.out
has "never ready: what it said" '\| +[0-9.]+ s  soon$' unready.out
same "never ready: nobody was started" "null skip" "$(outcome_of client)"
has "never ready: who was not started" 'not started without alpine-2/sh.mute: alpine-1/true.client$' unready.out

lab dies <<'EOF'
program brief { node = alpine-2  command = "sh -c 'echo ready; sleep 0.2; echo oh; exit 3'"  ready-output = ready }
program client { node = alpine-1  command = "sleep 1" }
EOF
same "ready and then dead: exit status" 1 "$status"
has "ready and then dead: reason" 'brief: exited 3 before it was told to stop' dies.out

lab unmet <<'EOF'
program absent { node = alpine-2  command = "sh -c 'exit 2'"  ready-output = ready  after = first }
program first  { node = alpine-1  command = true }
program waits  { node = alpine-1  command = true  after = absent }
program more   { node = alpine-1  command = true  after = waits }
program other  { node = alpine-1  command = true }
EOF
same "after one that was never ready: exit status" 1 "$status"
same "after one that was never ready: the reason is the server's" "alpine-2/sh.absent: exited 2 before it was ready" \
	"$(jq -r '.runs[0].reasons[]' "$report")"
has "after one that was never ready: who was not started" \
	'not started without alpine-2/sh.absent: alpine-1/true.waits, alpine-1/true.more$' unmet.out
same "after one that was never ready: others were" pass "$(outcome_of other | cut -d ' ' -f 2)"

lab dead <<'EOF'
program broken { node = alpine-2  command = "sh -c 'echo cannot bind; exit 3'"  listens = tcp/80 }
program whole  { node = alpine-3  command = "sleep 100"  ready-output = never  ready-within = 30s }
program client { node = alpine-1  command = false }
EOF
same "dead before it was ready: exit status" 1 "$status"
same "dead before it was ready: the reason is the server's" "alpine-2/sh.broken: exited 3 before it was ready" \
	"$(jq -r '.runs[0].reasons[]' "$report")"
has "dead before it was ready: what it said" '\| +[0-9.]+ s  cannot bind$' dead.out
same "dead before it was ready: nobody was started" "null skip" "$(outcome_of client)"

lab shaky <<'EOF'
program shaky  { node = alpine-2  command = "sh -c 'echo try >>tries; [ $(wc -l <tries) = 3 ] && echo up && exec sleep 100'"
                 ready-output = up  restart = on-failure }
program client { node = alpine-1  command = true }
EOF
same "ready after restarts: exit status" 0 "$status"

lab refuses <<'EOF'
program refuses { node = alpine-2  command = "sh -c 'exit 2'"  listens = tcp/80 }
program client  { node = alpine-1  command = true }
expect refusal  { program = refuses  exit = 2 }
EOF
same "one that is expected to refuse: exit status" 0 "$status"
same "one that is expected to refuse: all else runs" pass "$(outcome_of client | cut -d ' ' -f 2)"

lab needs <<'EOF'
program refuses { node = alpine-2  command = "sh -c 'exit 2'"  listens = tcp/80 }
program client  { node = alpine-1  command = true  after = refuses }
expect refusal  { program = refuses  exit = 2 }
EOF
same "who needs one that is expected to refuse: exit status" 1 "$status"
has "who needs one that is expected to refuse: reason" \
	'client: not started: alpine-2/sh.refuses was never ready' needs.out

lab soon <<'EOF'
program brief  { node = alpine-2  command = true  background = yes  ends = yes }
program client { node = alpine-1  command = true }
EOF
same "in the background, and soon over: exit status" 0 "$status"

# ---- input that is not there yet ----

mkfifo pipe
topology fifo <<'EOF'
program reads { node = alpine-1  command = "cat"  stdin = "pipe" }
EOF
run fifo
same "input from a FIFO: exit status" 2 "$status"
has "input from a FIFO" "fifo.conf:[0-9]+: stdin 'pipe' is neither a file nor a device" fifo.out

echo words >input
lab replaced <<EOF
program makes { node = alpine-1  command = "sh -c 'rm $work/input; mkfifo $work/input'" }
program reads { node = alpine-1  command = "cat"  stdin = "input"  after = makes }
EOF
same "a file that became a FIFO: nothing hangs" 0 "$status"

# It is root, and can reach its own log: what it puts there is not waited for either.
lab vandal <<'EOF'
program vandal { node = alpine-1  command = "sh -c 'echo hi; cd ../../logs; rm *.vandal.log; mkfifo alpine-1.sh.vandal.log'" }
expect said { program = vandal  output = hi }
EOF
same "a log that became a FIFO: exit status" 3 "$status"
has "a log that became a FIFO" 'its log cannot be read: .*alpine-1.sh.vandal.log is not a regular file' vandal.out

# ---- a full disk ----

# It is the host's: the program is not killed for it, and what it said is not known.
topology full <<'EOF'
program chatty { node = alpine-1  command = "sh -c 'head -c 3000000 /dev/zero; echo; echo done'" }
expect told { program = chatty  output = '^done$' }
EOF
mkdir small
unshare -m sh -c 'mount -t tmpfs -o size=400k none small && exec "$1" run --captures small full.conf' - "$harness" >full.out 2>&1
same "a full disk: exit status" 3 "$?"
has "a full disk: reason" 'write logs/alpine-1.sh.chatty.log: .*No space left on device' full.out
has "a full disk: the program went on to its end" '✓ 1/1 ok .*inconclusive' full.out
has "a full disk: what it said is not known" "'\\^done.' on at least 1 line; found: on no line of 1; the middle of the output was not kept" full.out

# ---- faults ----

lab faults <<'EOF'
program server { node = alpine-2  command = "sh -c 'echo up; while :; do sleep 0.1; done'"  ready-output = up }
program client { node = alpine-1  command = "sleep 0.6" }
fault gone { at = 100ms  program = server  action = kill }
EOF
same "a fault kills it: exit status" 0 "$status"
has "a fault kills it: how it ended" 'killed by fault gone' "$report"

lab paused <<'EOF'
program ticks { node = alpine-2  command = "sh -c 'while :; do echo tick; sleep 0.05; done'"  ready-output = tick }
program client { node = alpine-1  command = "sleep 1" }
fault pause { at = 100ms  for = 600ms  program = ticks  action = pause }
EOF
same "a fault pauses it: exit status" 0 "$status"
ok "a fault pauses it: there is a gap" awk 'NR > 1 && $1 - last > 0.5 {found = 1} {last = $1} END {exit !found}' \
	"$work/captures/paused/latest/run/logs/alpine-2.sh.ticks.times"

finish
