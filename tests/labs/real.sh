#!/bin/sh
# Real programs, as the distribution has them: each in a lab that passes, and in one that must fail
# for the reason that is stated. All of it as root, and what users try first without root.
#
#	a (client) --- switch --- b (server)
. "$(dirname "$0")/lib.sh"

files=$top/topologies/files
mkdir www elsewhere
head -c 300000 /dev/urandom >www/big
cp "$files/1.png" www
cp "$files/1.png" elsewhere
printf X | dd of=elsewhere/1.png bs=1 seek=5000 conv=notrunc 2>/dev/null
echo "first" >www/one
echo "second" >www/two
sed "s/user root;/user root; # as in topologies/" "$files/web/nginx.conf" >nginx.conf

# lab NAME: a and b on a switch, and the rest of the topology from standard input; run.
lab() {
	{
		cat <<'END'
switch S {}
node a { interface eth0 { network = S  address = { "10.0.0.1/24", "fd00::1/64" }  # link
} }
node b { interface eth0 { network = S  address = { "10.0.0.2/24", "fd00::2/64" } } }
END
		cat
	} >"$1.conf"
	run "$1"
}

# A lab of its own networks.
whole_lab() {
	cat >"$1.conf"
	run "$1"
}

passes() { # NAME
	same "$1: exit status" 0 "$status"
	[ "$status" = 0 ] || sed 's/^/  | /' "$1.out"
	same "$1: report.json" "pass" "$(jq -r '[.runs[].outcome] | unique | join(" ")' "$report")"
	same "$1: junit.xml" 0 "$(grep -c '<failure' "captures/$1/latest/junit.xml")"
}

# Why it fails is in the terminal's output, in report.json and in junit.xml.
fails() { # NAME REASON
	same "$1: exit status" 1 "$status"
	has "$1: the reason" "$2" "$1.out"
	jq -r '.runs[].reasons[]' "$report" >reasons
	has "$1: the reason in report.json" "$2" reasons
	grep -A 1000 '<failure' "captures/$1/latest/junit.xml" | sed "s/&apos;/'/g" >failures
	has "$1: the reason in junit.xml" "$2" failures
}

outcome() { # EXPECTATION: in the first run
	jq -r --arg name "$1" '.runs[0].expectations[] | select(.name == $name) | .outcome' "$report"
}

# ---- iperf3 ----

iperf() { # NAME RATE
	whole_lab "$1" <<END
switch S {}
node a { interface eth0 { network = S  address = 10.0.0.1/24  rate = 5mbit  queue = 250p } }
node b { interface eth0 { network = S  address = 10.0.0.2/24 } }
program server { node = b  command = "iperf3 -s"  listens = tcp/5201 }
program client { node = a  command = "iperf3 -c b -u -b $2 -t 1 -l 1200 --json" }
metric lost { program = client  output = '"lost_percent":\\s*([\\d.]+)'  unit = "%" }
expect all  { metric = lost  below = 5 }
expect sent { capture = a  direction = out  filter = "udp dst port 5201"  packets = "> 5" }
END
}
iperf udp-fits 2M
passes udp-fits
iperf udp-exceeds 20M
fails udp-exceeds 'expect all: metric lost: expected below 5 %; found: [1-9][0-9]'
same "udp-exceeds: the rest is met" pass "$(outcome sent)"
same "udp-exceeds: what the link lost is accounted for" 0 "$(jq '.runs[0].ledger.unexplained' "$report")"

lab tcp <<'END'
program server { node = b  command = "iperf3 -s"  listens = tcp/5201 }
program client { node = a  command = "iperf3 -c fd00::2 -n 2M -f m" }
metric rate { program = client  output = '([\d.]+) Mbits/sec.* receiver$'  unit = "Mbit/s" }
expect some { metric = rate  above = 1 }
END
passes tcp
lab one-off <<'END'
program server { node = b  command = "iperf3 -s --one-off"  listens = tcp/5201 }
program client { node = a  command = "iperf3 -c b -n 100K" }
program gone   { node = b  command = "sh -c 'while ss -tln | grep -q :5201; do sleep 0.05; done'"  after = client }
END
fails one-off 'server: exited 0 before it was told to stop .*ends = yes'
lab one-off-said <<'END'
program server { node = b  command = "iperf3 -s --one-off"  listens = tcp/5201  ends = yes }
program client { node = a  command = "iperf3 -c b -n 100K" }
END
passes one-off-said

# ---- nginx and curl ----

nginx() { # NAME FOLDER PAGE
	lab "$1" <<END
program nginx { node = b  command = { nginx, "-p", "%{here}/$2", "-e", stderr, "-c", "%{here}/nginx.conf" }
                listens = tcp/80  stop-signal = SIGQUIT }
program curl { node = a  command = "curl -sS --fail -o page http://b/$3" }
expect whole { node = a  file = page  same-as = "www/1.png"  png = yes }
END
}
nginx served www 1.png
passes served
nginx damaged elsewhere 1.png
fails damaged 'expect whole: page at a: expected the same bytes as .*www/1.png; found: .*at byte 5000:'
nginx not-found www 3.png
fails not-found 'curl: exited 22'
has "not-found: what curl said" '\| .*curl: \(22\) .* 404' not-found.out

lab not-found-expected <<'END'
program nginx { node = b  command = { nginx, "-p", "%{here}/www", "-e", stderr, "-c", "%{here}/nginx.conf" }  listens = tcp/80 }
program curl { node = a  command = "curl -sS --fail http://b/3.png" }
expect refused { program = curl  exit = 22  output = '\b404\b' }
END
passes not-found-expected

# A daemon that wipes the mark of its program out of its environment.
lab daemon <<'END'
program nginx { node = b  command = { nginx, "-p", "%{here}/www", "-e", stderr, "-c", "%{here}/background.conf" }  listens = tcp/80 }
program curl { node = a  command = "curl -sS --fail http://b/one" }
END
sed '/^daemon off/d' nginx.conf >background.conf
run daemon
fails daemon 'nginx: went to the background: left [12] process(es)? running \(nginx\)'

lab no-name <<'END'
program curl { node = a  command = "curl -sS http://nowhere/" }
END
fails no-name 'curl: exited 6'

# ---- Python's http.server ----

web() { # NAME FOLDER REST
	lab "$1" <<END
program web  { node = b  command = "python3 -u -m http.server 80"  cwd = "$2"  listens = tcp/80 }
program curl { node = a  command = "curl -sS -f -o one http://b/one -o two http://b/two" }
expect one { node = a  file = one  same-as = "www/one" }
${3-}
END
}
web right-folder www "expect order { order = { 'web ready', 'curl started', 'web output GET /one', 'web output GET /two' } }"
passes right-folder
web wrong-folder elsewhere
fails wrong-folder 'expect one: one at a: .* no file'
fails wrong-folder 'curl: exited 22'
web wrong-order www "expect order { order = { 'web output GET /two', 'web output GET /one' } }"
fails wrong-order 'expect order: .*web output GET /one'
same "wrong-order: the rest is met" pass "$(outcome one)"

# More than socket buffers hold: they are sent whoever is dead.
head -c 20000000 /dev/zero >www/huge
whole_lab killed <<'END'
switch S {}
node a { interface eth0 { network = S  address = 10.0.0.1/24 } }
node b { interface eth0 { network = S  address = 10.0.0.2/24  rate = 30mbit  queue = 100p } }
program web  { node = b  command = "python3 -u -m http.server 80"  cwd = "www"  listens = tcp/80 }
program curl { node = a  command = "curl -sS -f -o huge http://b/huge" }
fault crash { at = 300ms  program = web  action = kill }
expect huge { node = a  file = huge  same-as = "www/huge" }
END
fails killed 'expect huge: huge at a: expected .*; found: only the first [0-9]+ of 20000000 bytes'
same "killed: by the fault" "killed by fault crash" \
	"$(jq -r '.runs[0].programs[] | select(.name | endswith("web")).ended' "$report")"

# ---- socat ----

socat_lab() { # NAME PORT
	lab "$1" <<END
program sink { node = b  command = "socat -u TCP-LISTEN:9000 OPEN:got,creat,trunc"  listens = tcp/9000 }
program echo { node = b  command = "socat UDP-LISTEN:7,fork PIPE"  listens = udp/7 }
program send { node = a  command = "socat -u OPEN:%{here}/www/big TCP:b:$2" }
program ask  { node = a  command = "sh -c 'echo hello | socat -t 1 - UDP:b:7'" }
expect ends  { program = sink  exit = { 0, SIGTERM } }
expect whole { node = b  file = got  same-as = "www/big" }
expect hello { program = ask  output = '^hello$' }
END
}
socat_lab socat 9000
passes socat
socat_lab wrong-port 9001
fails wrong-port 'send: exited 1'
fails wrong-port 'expect whole: got at b: .* no file'

# ---- dnsmasq ----

dhcp() { # NAME RANGE ASKED
	sed "s/10\.0\.0\.100,10\.0\.0\.150/$2/; s/nslookup www.lab/nslookup $3/" \
		"$top/topologies/dhcp.conf" >"$1.conf"
	run "$1"
}
ln -s "$files" files
dhcp leased 10.0.0.100,10.0.0.150 www.lab
passes leased
dhcp no-range 10.9.0.100,10.9.0.150 www.lab
fails no-range 'laptop: exited 1'
fails no-range 'expect address: program laptop: expected .*; found: on no line of'
dhcp unknown 10.0.0.100,10.0.0.150 wwww.lab
fails unknown 'laptop: exited 1'
same "unknown: it has its address" pass "$(outcome address)"
same "unknown: and no name" fail "$(outcome name)"

# ---- uftp: files by multicast ----

uftp_lab() { # NAME GROUP
	whole_lab "$1" <<END
hub H {}
node s  { interface eth0 { network = H  address = 10.0.0.1/24 } }
node r1 { interface eth0 { network = H  address = 10.0.0.2/24 } }
node r2 { interface eth0 { network = H  address = 10.0.0.3/24 } }
# It wants an absolute path; without one all of them write to /tmp.
program u1 { node = r1  command = { sh, -c, 'exec uftpd -d -D "\$PWD"' }  listens = udp/1044 }
program u2 { node = r2  command = { sh, -c, 'exec uftpd -d -D "\$PWD" -M $2' }  listens = udp/1044 }
program send { node = s  command = "uftp -R 20000 %{here}/www/big" }
expect big-1 { node = r1  file = big  same-as = "www/big" }
expect big-2 { node = r2  file = big  same-as = "www/big" }
expect once  { capture = s  direction = out  filter = "udp and dst net 224.0.0.0/4"  bytes = "300kB-500kB" }
END
}
if command -v uftp >/dev/null; then
	uftp_lab multicast 230.4.4.1
	passes multicast
	uftp_lab wrong-group 230.4.4.2
	fails wrong-group 'expect big-2: big at r2: expected the same bytes as .*; found: no file'
	same "wrong-group: the other one has it" pass "$(outcome big-1)"
else
	skip "uftp" "it is not installed"
fi

# ---- ping, traceroute, tcpdump, nc ----

lab tools <<'END'
program dump  { node = b  command = "tcpdump -n -l --immediate-mode -Z root -i eth0 icmp"
                ready-output = '^listening on eth0'  stop-signal = SIGINT }
program nc    { node = b  command = "busybox nc -l -p 7"  listens = tcp/7  ends = yes }
program hello { node = a  command = { sh, -c, "echo hello | busybox nc -w 1 b 7" } }
program ping  { node = a  command = "ping -c 2 -i 0.2 10.0.0.2"  after = hello }
program hops  { node = a  command = "traceroute -n 10.0.0.2" }
expect hello  { program = nc  output = '^hello$' }
expect seen   { program = dump  output = 'ICMP echo request'  count = 2 }
expect one    { program = hops  output = '^ *1  10\.0\.0\.2 '  absent = '^ *2 ' }
expect rtt    { metric = rtt  below = 1000 }
metric rtt    { program = ping  output = 'time=([\d.]+) ms'  unit = ms  take = max }
END
passes tools

lab not-silent <<'END'
program ping { node = a  command = "ping -c 1 10.0.0.2" }
expect silent { capture = b  filter = "icmp"  packets = 0 }
END
fails not-silent "expect silent: capture b/eth0, 'icmp': expected 0 packets; found: 2 packets"

lab unreachable <<'END'
program ping { node = a  command = "ping -c 1 -W 1 10.0.0.9" }
END
fails unreachable 'ping: exited 1'

# ---- the shipped ones ----

for name in web coursework iperf routers; do
	cp "$top/topologies/$name.conf" .
	run "$name"
	passes "$name"
done

# ---- without root ----

as_nobody() { # COMMAND...: in a folder of its own
	(cd free && setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$work/free" "$@")
}
mkdir free
chmod 777 free
chmod -R a+rX .
if ! as_nobody unshare -U -r -n true 2>/dev/null; then
	skip "without root" "no user namespaces for nobody"
	finish
fi
for name in served right-folder socat leased tcp multicast web coursework routers not-found; do
	[ -f "$name.conf" ] || continue
	status=0
	as_nobody timeout 100 "$harness" run -q "$work/$name.conf" >"$name.free" 2>&1 || status=$?
	same "without root: $name" "$(if [ "$name" = not-found ]; then echo 1; else echo 0; fi)" "$status"
	[ "$status" = 0 ] || [ "$name" = not-found ] || sed 's/^/  | /' "$name.free"
done
finish
