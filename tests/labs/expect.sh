#!/bin/sh
# Expectations and metrics in real runs: one topology that meets all of them, one where each fails
# for its reason, and a matrix whose runs are compared.
#
#	web (HTTP server) --- switch --- get (curl, ping)
. "$(dirname "$0")/lib.sh"

mkdir www
head -c 20000 /dev/urandom | base64 >www/page.html
cat >get.sh <<'EOF'
#!/bin/sh
echo "GET begins"
curl -s -S -o page.html http://10.0.0.1/page.html || exit
curl -s http://10.0.0.1/nothing.html >/dev/null
echo "rate: 1,234.5 kbit/s"
echo "rate: 10.5 Mbit/s"
ping -c 3 -i 0.01 10.0.0.1 | tail -n 1
echo "GET is done"
exit 3
EOF
chmod +x get.sh

# blocks NAME: both nodes, server and client; the rest comes from standard input.
blocks() {
	{
		cat <<EOF
switch S {}
node web { interface eth0 { network = S  address = "10.0.0.1/24" } }
node get { interface eth0 { network = S  address = "10.0.0.2/24" } }
program server { node = web  listens = "tcp/80"
	command = { python3, "-u", "-m", "http.server", "-d", "$work/www", "80" } }
program client { node = get  command = "./get.sh" }
fault slow { at = 0s  link = get  delay = 1ms }
EOF
		cat
	} >"$work/$1.conf"
}

# of NAME FILTER: what jq makes of the expectation of this name.
of() {
	jq -r --arg name "$1" ".runs[0].expectations[] | select(.name == \$name) | $2" "$report"
}

blocks good <<'EOF'
metric rate    { program = client  output = 'rate: ([0-9.]+) Mbit/s'  unit = "Mbit/s" }
metric answers { program = server  output = '"GET '  take = count }
metric rtt     { program = client  output = '(?:rtt|round-trip) .* = (?<value>[\d.]+)/'  unit = ms }
expect status  { program = client  exit = { 0, 3-5 }  output = { 'begins$', '^GET' }  absent = 'error' }
expect server  { program = server  exit = "not 0"  output = '"GET [^"]+" (200|404)'  count = 2 }
expect page    { node = get  file = page.html  same-as = www/page.html  png = no  size = "20KiB-30KiB" }
expect nothing { node = web  file = page.html  exists = no }
expect syns    { capture = get/eth0  direction = out  filter = "tcp[tcpflags] == tcp-syn"  packets = 2 }
expect pings   { capture = web  filter = icmp  packets = 6  bytes = "> 500B"  from = 0s  until = 50s }
expect fast    { metric = rate  above = 10  below = 11 }
expect twice   { metric = answers  between = { 2, 2 } }
expect order   { order = { "server ready", "client started", 'server output "GET /page',
                           'client output done$', "client ended", "server ended" } }
expect fault   { order = { "server ready", "fault slow", "client ended" } }
EOF
ok "check knows expectations and metrics" "$harness" check good.conf
"$harness" check good.conf >check.out
has "check: an expectation" "syns .*capture get/eth0, 'tcp\[tcpflags\] == tcp-syn', out .*2 packets" check.out
has "check: a metric" "rate .*client 'rate: \(\[0-9\.\]\+\) Mbit/s', in Mbit/s" check.out
run good
same "all are met: exit status" 0 "$status"
[ "$status" = 0 ] || cat good.out
same "all are met" 10 "$(jq '[.runs[0].expectations[] | select(.outcome == "pass")] | length' "$report")"
same "metrics" "rate 10.5 Mbit/s, answers 2 null, rtt" \
	"$(jq -r '[.runs[0].metrics[] | if .name == "rtt" then .name else "\(.name) \(.value) \(.unit)" end] | join(", ")' "$report")"
has "metrics: columns of the table" ' 10\.5 Mbit/s +2 +' good.out
ok "the schema" python3 -m jsonschema -i "$report" "$top/src/report/report.schema.json"
has "junit: a testcase each" 'name="run.get.syns.expect"' captures/good/latest/junit.xml
has "junit: a testcase per metric" 'name="run.get.rate.metric"' captures/good/latest/junit.xml

blocks bad <<'EOF'
metric rate    { program = client  output = 'rate: ([0-9.]+) Mbit/s'  unit = "Mbit/s" }
metric jitter  { program = client  output = 'jitter ([0-9.]+)' }
expect status  { program = client  exit = 0 }
expect line    { program = server  output = '"GET [^"]+" 200'  count = "> 1" }
expect absent  { program = client  absent = 'is done$' }
expect page    { node = get  file = page.html  same-as = get.sh }
expect missing { node = web  file = page.html }
expect digest  { node = get  file = page.html  sha256 = ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad }
expect picture { node = get  file = page.html  png = yes }
expect size    { node = get  file = page.html  size = 10 }
expect syns    { capture = get/eth0  direction = out  filter = "tcp[tcpflags] == tcp-syn"  packets = 3 }
expect late    { capture = get/eth0  filter = "icmp"  from = 50s }
expect fast    { metric = rate  above = 11 }
expect none    { metric = jitter  above = 11 }
expect order   { order = { 'client output done$', 'client output begins$' } }
EOF
run bad
same "none is met: exit status" 1 "$status"
same "none is met" 13 "$(jq '[.runs[0].expectations[] | select(.outcome == "fail")] | length' "$report")"
while read -r name words; do
	of "$name" .reason >reason
	has "$name: why" "$words" reason
done <<'EOF'
status program client: expected exit 0; found: exit 3$
line expected '"GET \[\^"\]\+" 200' on at least 2 lines; found: on 1 line of
absent expected 'is done\$' on no line; found: on 1 line of 5 \(5\)$
page page.html at get: expected the same bytes as .*get.sh; found: [0-9]+ bytes that differ at byte [0-9]+:
missing page.html at web: expected a file; found: no file$
digest found: sha256 [0-9a-f]{64} of [0-9]+ bytes$
picture expected a good PNG picture; found: it does not begin as a PNG file does$
size expected 10 bytes; found: [0-9]+ bytes$
syns expected 3 packets; found: 2 packets$
late from 50s: expected at least 1 packet; found: 0 packets$
fast expected above 11 Mbit/s; found: 10.5 Mbit/s$
none found: no value: 'jitter \(\[0-9\.\]\+\)' is on no line of 5$
order client output begins\$ came at .* s, before client output done\$ \(at .* s\)$
EOF
has "a metric that nobody measured" "metric jitter: 'jitter" bad.out
place=$(of absent '.conditions[0].look')
same "where to look: a line" "GET is done" "$(sed -n "${place##*:}p" "${place%:*}")"
of syns '.conditions[0].look' >look
sh look >packets 2>/dev/null
same "where to look: a command" 2 "$(grep -c 'Flags \[S\]' packets)"
has "what was said last" 'GET is done' bad.out

# Compared with another run of the matrix, whichever comes first.
blocks compared <<'EOF'
vary speed { values = { 40, 10 } }
metric speed { program = say  output = 'speed ([0-9]+)' }
program say { node = get  command = "echo speed %{speed}" }
expect status { program = client  exit = 3 }
expect close { metric = speed  above = "80%"  of = "speed=10" }
expect slow { metric = speed  below = 0.2  of = "speed=40" }
EOF
run compared
same "comparisons: exit status" 1 "$status"
same "comparisons" "pass skip; skip fail" \
	"$(jq -r '[.runs[] | [.expectations[] | select(.name != "status") | .outcome] | join(" ")] | join("; ")' "$report")"
has "comparisons: why" 'expected below 20% of that of speed=40; found: 10, 25% of the 40 of speed=40' compared.out
same "comparisons: the command that repeats it has the other run, too" 1 "$(
	sh -c "$(jq -r '.runs[1].command' "$report")" >repeated.out 2>&1
	echo $?
)"
has "comparisons: repeated" 'expected below 20% of that of speed=40' repeated.out
run compared --repeat 3 --jobs 2
same "comparisons of repeated runs: exit status" 1 "$status"
same "comparisons of repeated runs: what failed stays" 3 \
	"$(find captures/compared/latest/ -name '*.say.log' -path '*speed=10,seed=*' | wc -l)"
same "comparisons of repeated runs: the rest goes" 0 "$(find captures/compared/latest/ -path '*speed=40*' | wc -l)"
run compared --fail-fast
same "comparisons: --fail-fast" "1 2" "$status $(jq '.runs | length' "$report")"
run compared --only speed=10
same "a run that was left out: exit status" 0 "$status"
has "a run that was left out" 'the run to compare with was left out' "$report"

# Captures off: nothing is known of packets.
blocks off <<'EOF'
capture { packets = off }
expect status { program = client  exit = 3 }
expect syns { capture = get  packets = 0 }
EOF
run off
same "captures off: exit status" 3 "$status"
has "captures off" 'expected 0 packets; found: nothing: captures are off' off.out

sed 's/filter = icmp/filter = "icmp or"/' good.conf >filter.conf
run filter
same "a filter that libpcap does not know: exit status" 2 "$status"
has "a filter that libpcap does not know" "filter.conf:[0-9]+: filter 'icmp or' is not understood: " filter.out

finish
