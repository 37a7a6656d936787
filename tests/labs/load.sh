#!/bin/sh
# HTTP servers and a load balancer under load: the labs of balancer*.conf in a short form, and
# balancers that are not what they should be.
. "$(dirname "$0")/lib.sh"

# The topology of that name, with other words in it, where everybody else's files stay.
adapt() { # NAME AS SED-COMMAND...
	from=$top/topologies/$1.conf as=$2
	shift 2
	sed -e "s|%{here}|$top/topologies|g" -e "s|\"files/www\"|\"$top/topologies/files/www\"|g" "$@" \
		"$from" >"$work/$as.conf"
}

# found NAME RUN: what was found by conditions of the expectation in a run of the last report.
found() {
	jq -r --arg x "$1" --argjson run "$2" \
		'.runs[$run].expectations[] | select(.name == $x) | .conditions[].found' "$report"
}

outcome() { # NAME
	jq -r --arg x "$1" '[.runs[].expectations[] | select(.name == $x) | .outcome] | unique | join(" ")' "$report"
}

columns='time +complete +failed +bytes +rate +per-request +transfer +verdict$'

adapt balancer load
run load --only mode=process-pool --only concurrency=50,1000
same "ab, alone and behind the balancer: exit status" 0 "$status"
has "ab: a table" "^  concurrency +$columns" load.out
same "ab: for each server" 2 "$(grep -cE "^  server=[a-z]+$" load.out)"
same "ab: with its rows" 2 "$(grep -cE '^ +1000 .* ✓ pass$' load.out)"
same "ab: every page was right" "1000 right, 4.30 MB" "$(found bodies 3 | head -n 1)"
same "ab: no request was lost" "0 requests" "$(found bodies 3 | tail -n 1)"
same "ab: all at the servers, too" "1000 right, 4.30 MB" "$(found served 3 | head -n 1)"
same "ab: nothing of that is unexplained" "pass" "$(outcome served)"
found fair 3 >fair.out
has "ab: and each backend had its share" '^[01] connections? \([0-9]{3}, [0-9]{3}, [0-9]{3}, [0-9]{3}\)$' fair.out

if command -v wrk >/dev/null; then
	adapt balancer-wrk wrk
	run wrk --only mode=process-pool --only threads=10
	same "wrk, alone and behind the balancer: exit status" 0 "$status"
	has "wrk: a table" '^  (server|run) .*complete +failed +bytes +rate +mean +p99 +transfer +verdict$' wrk.out
	found fair 1 >fair.out # it opens one more, to see whether anybody is there; ab's are the others
	has "wrk: each backend had a quarter" '^[01] connections? \(50[01], 50[01], 50[01], 50[01]\)$' fair.out

	# wrk itself does not miss the answers that it did not wait for.
	adapt balancer-wrk few -e "s|-s 60|-s 2|" -e "s|%{nodes}/balancer .*\"|python3 $top/tests/labs/balancer.py few 4 80 10.0.0.21 10.0.0.22 10.0.0.23 10.0.0.24\"|"
	run few --only mode=async --only server=balancer --only threads=10
	same "wrk, four connections of a thousand are served: exit status" 1 "$status"
	same "wrk, four connections of a thousand are served: it finds nothing wrong" pass "$(outcome no-errors)"
	same "wrk, four connections of a thousand are served: ab does" fail "$(outcome all)"
else
	skip "wrk" "it is not installed"
fi

adapt balancer-faults faults
run faults --only mode=async
same "backends killed, paused and cut off: exit status" 0 "$status"
lost=$(found answers 0 | sed -n 's/^\([0-9]*\) requests\{0,1\}.*/\1/p' | head -n 1)
same "faults: who was lost had been passed on to the backend that died" "$lost" \
	"$(found unsavable 0 | sed -n 's/^\([0-9]*\) requests\{0,1\}.*/\1/p')"
# Of one that was killed between reading and answering the balancer saw an end like any other.
ok "faults: the balancer knows of no others" \
	[ "$(jq '.runs[0].metrics[] | select(.name == "broken") | .value | floor' "$report")" -le "$lost" ]

# bad FAULT CONCURRENCY SED-COMMAND...: the same with a balancer that has this fault.
bad() {
	fault=$1 concurrency=$2
	shift 2
	adapt balancer "$fault" "$@" -e "s|%{nodes}/balancer .*\"|$BUILD/tests/nodes/bad-balancer $fault 80 10.0.0.21:80 10.0.0.22:80 10.0.0.23:80 10.0.0.24:80\"|"
	run "$fault" --only mode=async --only server=balancer --only concurrency="$concurrency"
	same "$fault: exit status" 1 "$status"
}

# Ten requests: ab waits for one answer before it asks for others.
bad silent 1 -e 's/1000/10/g'
same "silent: ab finds nothing wrong" "pass" "$(outcome complete)"
has "silent: there is no answer" 'expect bodies: .*: expected 10 answers, .*; found: 0 right, 0 B$' silent.out
has "silent: why" '10 requests, the first GET /page.html of 10.0.0.2 port [0-9]+ > 10.0.0.20 port 80: the server ended the connection without an answer; frame [0-9]+' silent.out
same "silent: each backend got nothing, which is fair" "fail pass" "$(outcome served) $(outcome fair)"

bad partial 100
same "partial: the pages are right" "pass pass" "$(outcome bodies) $(outcome complete)"
has "partial: it is not fair" 'expect fair: .*: expected at most 1 connection between the most and the fewest; found: 1[0-9]{3} connections \(1[0-9]{3}, 0, 0, 0\)$' partial.out

bad truncate 100
has "truncate: where the page ends" 'GET /page.html of 10.0.0.2 port [0-9]+ > 10.0.0.20 port 80: the server (ended|reset) the connection 4288 bytes before the end of its answer' truncate.out
has "truncate: a command shows it" "look +tcpdump -n -tttt -X -r '.*client.eth0.pcapng' 'host 10.0.0.2 and tcp port" truncate.out

bad pretend 100
same "pretend: connections are fair, requests are not" "pass fail" "$(outcome fair) $(outcome shared)"
has "pretend: what is not fair" 'expect shared: .*: expected at most 100 answers between the most and the fewest; found: 1000 answers \(1000, 0, 0, 0\)$' pretend.out

# Fewer than backends that fail may lose, and ab does not mind.
adapt balancer-faults forget -e '/^vary/d' -e "s|%{nodes}/balancer .*\"|$BUILD/tests/nodes/bad-balancer forget 80 10.0.0.21:80 10.0.0.22:80 10.0.0.23:80 10.0.0.24:80\"|"
run forget
same "forget: exit status" 1 "$status"
has "forget: what the client misses no backend lost" 'expect answers: .*: expected no more of those than in unsavable; found: [4-8] requests, and [0-4] there' forget.out

# A header that says how long the wrong page is, so that ab has nothing to complain about.
mkdir other
sed 's/4096/4069/' "$top/topologies/files/www/page.html" >other/page.html
adapt balancer other -e "s|--root $top/topologies/files/www --quiet\"|--root $work/other --quiet\"|"
run other --only mode=async --only server=alone --only concurrency=50
same "another page: exit status" 1 "$status"
same "another page: ab does not see it" "pass" "$(outcome complete)"
has "another page: where it differs" 'byte [0-9]+ is 0x36 where page.html has 0x39; frame' other.out

# Headers count connections, and prove no page.
adapt balancer headers
echo 'capture { packets = headers }' >>headers.conf
run headers --only mode=async --only server=balancer --only concurrency=50
same "captures of headers: exit status" 3 "$status"
same "captures of headers: count connections" pass "$(outcome fair)"
has "captures of headers: prove no page" 'captures of headers prove no bodies: record full packets' headers.out

# What make bench measures, in a very short form, and the balancer without its peers.
bench() { # NAME SED-COMMAND...
	conf=$1
	shift
	sed -e "s|%{here}|$top/tests/bench|g" "$@" "$top/tests/bench/$conf.conf" >"bench-$conf.conf"
	run "bench-$conf" --only load=keep-alive-50
	same "bench, $conf: exit status" 0 "$status"
}

measured() { # NAME: of how many runs the metric is more than 0
	jq --arg x "$1" '[.runs[].metrics[] | select(.name == $x and .value > 0)] | length' "$report"
}

export REQUESTS=5
bench balancer -e /haproxy/d -e /nginx/d
same "bench, balancer: requests per second, p99" "1 1" "$(measured rate) $(measured p99)"
bench httpd
same "bench, httpd: each mode beside nginx" "4 4" "$(measured rate-of-nginx) $(measured p99-of-nginx)"
finish
