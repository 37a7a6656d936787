#!/bin/sh
# harness shrink: of all that a failing run lost, the few datagrams that make it fail.
. "$(dirname "$0")/lib.sh"

picky=$BUILD/tests/nodes/picky
stream=$BUILD/nodes/udp-stream

# The sender knows its receiver's address: datagrams that wait for ARP are overtaken, and their
# numbers on the link would not be those of the stream.
mac=02:00:00:00:00:0b
known="program known { node = a  command = \"ip neigh replace 10.0.0.2 lladdr $mac dev eth0 nud permanent\" }"

# picky NAME KEYS NUMBER...: a stream of 100 datagrams across a link with these keys; its receiver
# dies when all the datagrams of these numbers are missing (none: at once).
picky() {
	name=$1 keys=$2
	shift 2
	cat >"$work/$name.conf" <<XXX
hub Hub1 {}
node a { interface eth0 { network = Hub1  address = 10.0.0.1/24  out { $keys } } }
node b { interface eth0 { network = Hub1  address = 10.0.0.2/24  mac = "$mac" } }
program sink { node = b  command = "$picky 9000 $*"  listens = "udp/9000" }
$known
program stream { node = a  command = "$stream --count 100 --pps 10000 10.0.0.2 9000"  after = known }
XXX
}

# shrink RUN [OPTION...]: status in $status, output in out.
shrink() {
	status=0
	timeout 300 "$harness" shrink "$@" >out 2>err || status=$?
}

# ---- two of some thirty ----

picky two 'loss = 30%  delay = 2ms  duplicate = 10%' 8 21
run two --repeat 40
same "the run fails with some seeds, not with all" "1 true true" \
	"$status $(jq '.series[0] | "\(.failed > 0) \(.passed > 0)"' "$report" | tr -d '"')"
failing=$(jq -r '[.runs[] | select(.outcome == "fail")][0].folder' "$report")
passing=$(jq -r '[.runs[] | select(.outcome == "pass")][0].seed' "$report")
folder=$work/captures/two/latest/$failing
ok "the run left its topology" "$harness" check "$folder/topology.conf"
shrink "$folder"
same "two datagrams: exit status" 0 "$status"
has "two datagrams: so many of so many" '^2 of [0-9]+ lost datagrams are enough \([0-9]+ probes, ' out
has "two datagrams: the first" '^  a/eth0 out: 8 of udp 10\.0\.0\.1:\*1 > 10\.0\.0\.2:9000$' out
has "two datagrams: the second" '^  a/eth0 out: 21 of udp 10\.0\.0\.1:\*1 > 10\.0\.0\.2:9000$' out
has "two datagrams: why" '^why +b/picky' out
same "two datagrams: nothing else" 2 "$(grep -c '^  a/eth0' out)"
has "progress" '^probe 1: [0-9]+ datagrams lost, still fails' err
has "progress: without loss" '^probe 2: 0 datagrams lost, passes' err
ok "no probe is left behind" [ ! -e "$folder.shrink" ]
has "the file says what it came from" "^# $failing of two, shrunk: of [0-9]+ datagrams" two-shrunk.conf
same "the file has no chance in it" 0 "$(grep -c 'loss =' two-shrunk.conf)"
has "the file keeps the delay" 'delay = 2ms' two-shrunk.conf
has "the file keeps the duplicates" 'duplicate = 10%' two-shrunk.conf
run two-shrunk
same "the file fails when it is run" 1 "$status"
same "... having lost these two" 2 "$(jq '[.runs[0].ledger.links[].lost] | add' "$report")"
for one in 8 21; do
	grep -v "\"$one of" two-shrunk.conf | sed 's/\(of udp.*"\),/\1/' >without.conf
	run without
	same "without datagram $one it passes" 0 "$status"
done
export SUDO_UID=65534 SUDO_GID=65534
shrink -q -o elsewhere.conf --probes 5 "$folder"
unset SUDO_UID SUDO_GID
same "the file belongs to who called sudo" 65534 "$(stat -c %u elsewhere.conf)"
same "few probes: still a set that fails" 0 "$status"
has "few probes: it says so" 'perhaps fewer' out
same "quiet" "" "$(cat err)"
ok "--output" "$harness" check elsewhere.conf

# ---- Gilbert-Elliott and drop lists in the other direction ----

cat >burst.conf <<XXX
hub Hub1 {}
node a { interface eth0 { network = Hub1  address = 10.0.0.1/24 } }
node b { interface eth0 { network = Hub1  address = 10.0.0.2/24  mac = "$mac"
	in { loss = { 10%, 40%, 100%, 0% }  drop = { "30-32" } } } }
program sink { node = b  command = "$picky 9000 31"  listens = "udp/9000" }
$known
program stream { node = a  command = "$stream --count 100 --pps 10000 --source-port 7000 10.0.0.2 9000"  after = known }
XXX
run burst
same "a dropped datagram: the run fails" 1 "$status"
shrink "$work/captures/burst/latest/run"
same "a dropped datagram: exit status" 0 "$status"
has "a dropped datagram: this one" '^  b/eth0 in: 31 of udp 10\.0\.0\.1:7000 > 10\.0\.0\.2:9000$' out
same "a dropped datagram: alone" 1 "$(grep -c '^  b/eth0' out)"

# ---- what cannot be shrunk ----

run two --seed "$passing"
shrink "$work/captures/two/latest/run"
same "a run that passed: exit status" 2 "$status"
has "a run that passed: message" 'did not fail \(pass\)' err

picky anyway 'loss = 10%'
run anyway
same "fails whatever is lost" 1 "$status"
shrink "$work/captures/anyway/latest/run"
same "fails without loss, too: exit status" 1 "$status"
has "fails without loss, too: message" 'fails without any loss, too' out
ok "fails without loss, too: no file" [ ! -e anyway-shrunk.conf ]

# A receiver that fails the first time only: the losses are not the reason.
cat >once <<XXX
#!/bin/sh
[ -e "$work/failed" ] && exec "$stream" --listen 9000
touch "$work/failed"
exec "$picky" 9000
XXX
chmod +x once
sed "s|command = \"$picky 9000 \"|command = ./once|" anyway.conf >once.conf
run once
same "fails once: the run" 1 "$status"
shrink "$work/captures/once/latest/run"
same "fails once: exit status" 1 "$status"
has "fails once: message" 'passes when the same [0-9]+ datagrams are lost again' out

cat >arp.conf <<XXX
hub Hub1 {}
node a { interface eth0 { network = Hub1  address = 10.0.0.1/24  out { loss = 100% } } }
node b { interface eth0 { network = Hub1  address = 10.0.0.2/24 } }
program stream { node = a  command = "$stream --count 1 10.0.0.2 9000" }
program failing { node = b  command = false }
XXX
run arp
shrink "$work/captures/arp/latest/run"
same "nothing but questions for an address lost: exit status" 2 "$status"
has "nothing but questions for an address lost: message" '[1-9][0-9]* frames that are not IP' err

picky clean ''
run clean
shrink "$work/captures/clean/latest/run"
same "no impaired link: exit status" 2 "$status"
has "no impaired link: message" 'none of its links is impaired' err
shrink "$work/nowhere"
same "no such folder: exit status" 2 "$status"
shrink "$work"
same "no folder of a run: exit status" 2 "$status"
has "no folder of a run: message" 'no folder of a run' err
for wrong in "" "--probes 0 x" "--nonsense x" "x y"; do
	# shellcheck disable=SC2086
	shrink $wrong
	same "'shrink $wrong': exit status" 2 "$status"
done
finish
