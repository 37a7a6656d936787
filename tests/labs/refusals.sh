#!/bin/sh
# Bad input and bad luck: a clear message, the right exit status, nothing left behind.
. "$(dirname "$0")/lib.sh"
alone

cp "$top/topologies/files/1.png" .
machine >machine.before
simple='transfer t { from = alpine-1 to = alpine-2 files = "1.png" }'

run nowhere
same "no such topology: exit status" 2 "$status"
has "no such topology: message" 'nowhere.conf.*No such file' nowhere.out

echo "transfer t { from = alpine-9 to = alpine-2 files = \"none.png\" color = red }" | topology wrong
run wrong
same "mistakes: exit status" 2 "$status"
has "mistakes: a name that refers to nothing" 'wrong.conf:5: .*alpine-9' wrong.out
has "mistakes: a file that is not there" 'wrong.conf:5: .*none.png' wrong.out
has "mistakes: an unknown key" 'wrong.conf:5: .*color' wrong.out
same "mistakes: nothing was made" "" "$(ls captures 2>/dev/null)"

echo 'transfer t { from = alpine-1 to = alpine-2 files = "1.png" receiver = "./nope" }' | topology missing
run missing
same "a missing program: exit status" 2 "$status"
has "a missing program: message" 'receiver.*nope.*No such file' missing.out
same "a missing program: nothing was made" "" "$(ls captures 2>/dev/null)"

# ... unless it may be on another machine: `check` warns, `run` does not begin.
mkdir bin
printf '#!/bin/sh\nexit 0\n' >bin/ours
chmod +x bin/ours
topology absent <<'EOF'
program absent { node = alpine-1  command = "no-such-command %{x}" }
program ours   { node = alpine-1  command = ours  env = "PATH=%{here}/bin" }
program theirs { node = alpine-1  command = ls  env = "PATH=%{here}/bin" }
program found  { node = alpine-1  command = ls }
transfer t { from = alpine-1 to = alpine-2 files = "1.png" sender = no-such-sender }
vary x { values = { 1, 2 } }
EOF
status=0
"$harness" check absent.conf >out 2>err || status=$?
same "check: commands that are not there: exit status" 0 "$status"
same "check: commands that are not there: warnings" "\
absent.conf:9: warning: sender of transfer t: command 'no-such-sender' is not found in PATH
absent.conf:5: warning: program absent: command 'no-such-command' is not found in PATH
absent.conf:7: warning: program theirs: command 'ls' is not found in PATH" "$(cat err)"
has "check: commands that are not there: the plan is there" '^expectations' out
run absent
same "run: commands that are not there: exit status" 2 "$status"
has "run: commands that are not there: message" "no-such-sender' is not in PATH" absent.out
same "run: commands that are not there: nothing was made" "" "$(ls captures 2>/dev/null)"
grep -Ev 'absent|theirs|sender|vary' absent.conf >path.conf
status=0
"$harness" run --captures other path.conf >out 2>&1 || status=$?
same "a command of a PATH of its own: exit status" 0 "$status"

echo "$simple" | topology simple
echo text >file
status=0
"$harness" run --captures file/captures simple.conf >out 2>&1 || status=$?
same "captures below a file: exit status" 3 "$status"
has "captures below a file: message" 'no place for the evidence.*--captures' out

# Root may write anywhere but on a read-only mount.
status=0
unshare -m sh -c "mkdir ro && mount -t tmpfs -o ro none ro && '$harness' run --captures ro/captures simple.conf" \
	>out 2>&1 || status=$?
same "a read-only captures folder: exit status" 3 "$status"
has "a read-only captures folder: message" 'Read-only file system' out

head -c 3000000 /dev/urandom >large
echo 'transfer t { from = alpine-1 to = alpine-2 files = "large" }' | topology full
status=0
mkdir small
unshare -m sh -c "mount -t tmpfs -o size=2m none small && '$harness' run --captures small/captures full.conf" \
	>out 2>&1 || status=$?
ok "no space for captures: exit status 3 or 1" [ "$status" = 3 -o "$status" = 1 ]
has "no space for captures: message" 'No space left on device' out

# Ctrl-C goes to the foreground process group; the harness passes it on as it sees fit.
head -c 300000000 /dev/zero >huge
echo 'transfer t { from = alpine-1 to = { alpine-2, alpine-3 } files = "huge" }' | topology interrupted
"$harness" run --captures captures interrupted.conf >out 2>&1 &
pid=$!
until pgrep -x udp-send >/dev/null; do
	kill -0 "$pid" || break
done
kill -INT "$pid"
status=0
wait "$pid" || status=$?
same "Ctrl-C: exit status" 130 "$status"
has "Ctrl-C: the report says so" 'interrupted' out
ok "Ctrl-C: the capture is whole" capinfos captures/interrupted/latest/run/merged.pcapng

"$harness" run --only mode=none simple.conf >out 2>&1
same "--only without a match: exit status" 2 $?
"$harness" run --frobnicate simple.conf >out 2>&1
same "an unknown option: exit status" 2 $?
has "an unknown option: message" "frobnicate" out
"$harness" frobnicate >out 2>&1
same "an unknown command: exit status" 2 $?
for c in "" run check up ps exec shell logs down shrink calibrate doctor; do
	# shellcheck disable=SC2086
	"$harness" $c --help >out 2>&1
	same "'harness $c --help': exit status" 0 $?
done
ok "nothing is left" machine_settles_to machine.before

# A user without any right: the message says what to do. (Namespaces allowed: it works.)
chmod 644 1.png simple.conf
if [ "$(id -u)" = 0 ]; then
	unshare -U true 2>/dev/null
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "
		cd '$work' && mkdir -p /tmp/harness-nobody-$$ &&
		'$harness' run --captures /tmp/harness-nobody-$$ simple.conf" >out 2>&1 || status=$?
	rm -rf "/tmp/harness-nobody-$$"
	same "without root, in a user namespace: exit status" 0 "$status"
	[ "$status" = 0 ] || cat out
	status=0
	sh -c 'unshare -U -r sh -c "echo 0 >/proc/sys/user/max_net_namespaces; setpriv --bounding-set -all --inh-caps -all true;
		$0 run --captures captures simple.conf"' "$harness" >out 2>&1 || status=$?
	same "no permission: exit status" 3 "$status"
	has "no permission: message" 'run as root.*doctor' out
else
	skip "without root" "the test itself is run without root"
fi
finish
