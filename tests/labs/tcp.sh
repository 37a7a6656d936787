#!/bin/sh
# TCP servers are told to stop when they have taken what came, and not much later when they never do.
. "$(dirname "$0")/lib.sh"

tcp="python3 $top/tests/labs/tcp_program.py"
N=300000

# serve NAME MANNER [LISTENS]: a client sends N bytes and ends; more of the topology comes from
# standard input. A run that waits for what never comes is past its deadline.
serve() {
	{
		cat <<EOF
deadline = 15s
program server { node = alpine-2  command = "$tcp $2 9000"  ready-output = listening  ${3-listens = tcp/9000} }
program client { node = alpine-1  command = "$tcp send alpine-2 9000 $N" }
EOF
		cat
	} | topology "$1"
	run "$1"
	same "$1: exit status" 0 "$status"
}

taken() { # NAME: how much the server has taken, and what came last
	file=$work/captures/$1/latest/run/nodes/alpine-2/taken
	echo "$(stat -c %s "$file") $(tail -c 7 "$file")"
}

notes() {
	jq -r '.runs[0].notes[]' "$report"
}

serve slow slow </dev/null
same "one that reads slowly: all of it" "$((N + 7)) the end" "$(taken slow)"
same "one that reads slowly: nothing to note" "" "$(notes)"

serve unnamed slow "" </dev/null
same "one whose port nobody names: all of it" "$((N + 7)) the end" "$(taken unnamed)"

# The client's kernel has most of it when the client has ended.
sed 's/alpine-1 { interface eth0 {/& out { rate = 2mbit }/' slow.conf >narrow.conf
run narrow
same "a narrow link: exit status" 0 "$status"
same "a narrow link: all of it" "$((N + 7)) the end" "$(taken narrow)"

# What a link loses is sent again, after a while.
sed 's/alpine-2 { interface eth0 {/& loss = 5%  delay = 20ms/; s/py slow/py leaks/' slow.conf >losses.conf
run losses
same "a link with losses: exit status" 0 "$status"
same "a link with losses: all of it" "$((N + 7)) the end" "$(taken losses)"

serve leaks leaks </dev/null
same "one that never closes: all of it" "$((N + 7)) the end" "$(taken leaks)"
same "one that never closes: nothing to note" "" "$(notes)"

serve deaf deaf </dev/null
has "one that never reads: it is noted" \
	'server: when it was told to stop it had not read [0-9]+ bytes that came by TCP, from 1 connection$' deaf.out

serve busy busy </dev/null
has "one that never accepts: it is noted" \
	'server: when .* it had not read [0-9]+ bytes .*, from 1 connection, and not accepted 1 connection$' busy.out

serve paused slow <<'EOF'
fault pause { at = 1ms  program = server  action = pause }
EOF

serve chatter leaks <<EOF
program chatter { node = alpine-3  command = "$tcp chatter alpine-2 9000"  background = yes  after = client }
program late    { node = alpine-3  command = true  after = chatter }
EOF
finish
