#!/bin/sh
# Labs of several networks: routers, IPv6 alone, NAT, MTUs, sysctls, DHCP, and whose files they are.
. "$(dirname "$0")/lib.sh"

# What the host has must be as it was, whatever nodes do to theirs.
before=$(stat -L -c '%Y %i %s' /etc/resolv.conf /etc/hosts 2>&1; cat /etc/resolv.conf /etc/hosts 2>&1)

for lab in routers nat dhcp; do
	ln -s "$top/topologies/files" . 2>/dev/null
	cp "$top/topologies/$lab.conf" .
done
log() { # NAME PATTERN: the logs of the last run of a lab
	cat "$work/captures/$1"/latest/*/logs/"$2".log
}
frames() { # NAME CAPTURE FILTER FIELDS...: of the first run
	file=$(find "$work/captures/$1/latest/" -name "$2.pcapng" | sort | head -n 1)
	filter=$3
	shift 3
	tshark -r "$file" -Y "$filter" -T fields "$@" 2>/dev/null
}
unexplained() {
	jq '[.runs[].ledger.unexplained] | add' "$report"
}

# ---- three routers in a row ----

run routers
same "routers: exit status" 0 "$status"
same "routers: every datagram is accounted for" 0 "$(unexplained)"
same "routers: each network has its account" \
	"client r1, r1 client, r1 r2, r2 r1, r2 r3, r3 r2, r3 server, server r3" \
	"$(jq -r '.runs[0].ledger.networks | map("\(.from) \(.to)") | sort | join(", ")' "$report")"
log routers 'client.traceroute.trace' >trace
same "routers: three hops, then the server" "10.0.1.1 10.0.2.2 10.0.3.2 10.0.4.2" \
	"$(awk '$1 ~ /^[0-9]+$/ { print $2 }' trace | head -n 4 | xargs)"
log routers 'client.traceroute.trace6' >trace6
same "routers: and with IPv6" "2001:db8:1::1 2001:db8:2::2 2001:db8:3::2 2001:db8:4::2" \
	"$(awk '$1 ~ /^[0-9]+$/ { print $2 }' trace6 | head -n 4 | xargs)"
same "routers: each takes one from the TTL" "64 61" \
	"$(frames routers client.eth0 'udp.dstport == 10000' -e ip.ttl | sort -u | xargs) $(
		frames routers server.eth0 'udp.dstport == 10000' -e ip.ttl | sort -u | xargs)"
same "routers: nobody speaks of multicast groups, routers or redirects" "" \
	"$(frames routers merged 'icmpv6.type in {130..134, 137, 143} || icmp.type == 5' -e frame.number)"

# ---- what only links between routers do ----

cat >links.conf <<EOF
switch A {} switch B {} switch C {}
node a  { interface eth0 { network = A address = 10.0.1.2/24 } gateway = 10.0.1.1 }
node r1 { interface eth0 { network = A address = 10.0.1.1/24 }
          interface eth1 { network = B address = 10.0.2.1/24 loss = 20% rate = 50mbit }
          forward = yes  route = "10.0.3.0/24 via 10.0.2.2" }
node r2 { interface eth0 { network = B address = 10.0.2.2/24 }
          interface eth1 { network = C address = 10.0.3.1/24 }
          forward = yes  route = "10.0.1.0/24 via 10.0.2.1" }
node b  { interface eth0 { network = C address = 10.0.3.2/24 } gateway = 10.0.3.1 }
transfer whole  { from = a to = b files = "$top/topologies/files/2.png" mode = event-loop }
EOF
run links
same "a lossy link between routers: the transfer is whole" 0 "$status"
same "a lossy link between routers: every loss is accounted for" "0 true" \
	"$(jq -r '.runs[0].ledger | "\(.unexplained) \(.links | map(.lost // 0) | tostring | test("[1-9]"))"' \
		"$report")"

# ---- IPv6 alone ----

cat >six.conf <<EOF
hub A {} switch B {}
node a { interface eth0 { network = A address = "2001:db8:a::2/64" } gateway = "2001:db8:a::1" }
node r { interface eth0 { network = A address = "2001:db8:a::1/64" }
         interface eth1 { network = B address = "2001:db8:b::1/64" } forward = yes }
node b { interface eth0 { network = B address = "2001:db8:b::2/64" } gateway = "2001:db8:b::1" }
vary format { values = { reliable, raw } }
transfer t { from = a to = b files = "$top/topologies/files/2.png" format = "%{format}" }
program up   { node = a command = "ip -6 -o address show dev eth0" }
program name { node = b command = "ping -c 1 a" }
program far  { node = a command = "traceroute6 -n -q 1 -N 1 b" }
EOF
run six
same "IPv6 alone: exit status" 0 "$status"
same "IPv6 alone: every datagram is accounted for" 0 "$(unexplained)"
log six 'a.ip.up' >up
same "IPv6 alone: one address, no detection of duplicates" "" \
	"$(grep -Ev '2001:db8:a::2/64 scope global' up; grep tentative up)"
log six 'a.traceroute6.far' >far
has "IPv6 alone: traceroute6 sees the router" '^ 1  2001:db8:a::1 ' far
same "IPv6 alone: nothing of IPv4" "" "$(frames six merged 'arp || ip' -e frame.number)"

# ---- NAT ----

run nat
same "NAT: exit status" 0 "$status"
same "NAT: every datagram is accounted for" 0 "$(unexplained)"
same "NAT: the server sees the router's address alone" 203.0.113.1 \
	"$(frames nat server.eth0 'udp && ip.dst == 203.0.113.80' -e ip.src | sort -u)"
same "NAT: the answers come back to whom they belong" "192.168.1.2 192.168.1.3" \
	"$(frames nat alice.eth0 'udp.srcport == 10000' -e ip.dst | sort -u | xargs) $(
		frames nat bob.eth0 'udp.srcport == 10001' -e ip.dst | sort -u | xargs)"
log nat 'server.busybox.fetch' >fetched
has "NAT: a port of the router leads to a private server" '^192\.168\.1\.3[[:space:]]bob$' fetched

# Two whose ports are the same behind one address: the transfer is judged as any other.
sed 's/files\/1.png"/files\/1.png" format = raw/; s/files\/2.png"/files\/2.png" format = raw/' \
	nat.conf >rawnat.conf
run rawnat
same "NAT, raw: exit status" 0 "$status"
same "NAT, raw: every datagram is accounted for" 0 "$(unexplained)"

# nft cannot be had: told, and not a hang or half a lab.
cat >no-nft.sh <<EOF
mount --bind /dev/null "$(readlink -f "$(command -v nft)")" && exec "$harness" "\$@"
EOF
unshare -m sh no-nft.sh run --captures "$work/captures" nat.conf >out 2>&1
same "NAT without nft: exit status" 3 $?
has "NAT without nft: message" 'node home: the program nft, which NAT needs, .*doctor' out
unshare -m sh no-nft.sh doctor >out 2>&1
has "NAT without nft: doctor says so" '- without  nft ' out

# ---- MTUs ----

cat >mtu.conf <<EOF
switch A {} switch B {}
node a { interface eth0 { network = A address = { 10.0.1.2/24, "2001:db8:a::2/64" } }
         gateway = { 10.0.1.1, "2001:db8:a::1" } }
node r { interface eth0 { network = A address = { 10.0.1.1/24, "2001:db8:a::1/64" } }
         interface eth1 { network = B address = { 10.0.2.1/24, "2001:db8:b::1/64" } mtu = 1400 }
         forward = yes }
node b { interface eth0 { network = B address = { 10.0.2.2/24, "2001:db8:b::2/64" } mtu = 1400 }
         gateway = { 10.0.2.1, "2001:db8:b::1" } }
program whole { node = a command = "sh -c '! ping -c 1 -W 5 -M do -s 1472 10.0.2.2'" }
program parts { node = b command = "ping -c 1 -M dont -s 2000 10.0.1.2" after = whole }
program six   { node = a command = "ping -c 2 -i 0.2 -W 2 -s 1440 2001:db8:b::2" }
transfer t { from = a to = b files = "$top/topologies/files/2.png" }
EOF
run mtu
log mtu 'a.ping.six' >six
has "a smaller MTU: IPv6 gets through once it was told" ' 1 received' six
log mtu 'a.sh.whole' >whole
has "a smaller MTU: what may not be cut is refused with the size that fits" 'mtu ?= ?1400' whole
same "a smaller MTU: by the router, fragmentation needed" "10.0.1.1 1400" \
	"$(frames mtu a.eth0 'icmp.type == 3 && icmp.code == 4' -E occurrence=f -e ip.src \
		-e icmp.mtu | sort -u | xargs)"
same "a smaller MTU: what may be cut arrives in parts" 2 \
	"$(frames mtu b.eth0 'ip.dst == 10.0.2.2 && (ip.flags.mf == 1 || ip.frag_offset > 0)' \
		-e frame.number | wc -l)"
same "a smaller MTU: IPv6 is told that its packet is too big" 1400 \
	"$(frames mtu a.eth0 'icmpv6.type == 2' -e icmpv6.mtu | sort -u)"
same "a smaller MTU: the transfer is whole and accounted for" "pass 0" \
	"$(jq -r '.runs[0].files[0].outcome' "$report") $(unexplained)"

# ---- sysctls, and files of nodes ----

cat >own.conf <<EOF
switch S {}
node a { interface eth0 { network = S address = 10.0.0.1/24 }
         interface e.1  { network = S address = 10.0.0.3/24 }
         sysctl = { "net.ipv4.icmp_ratelimit=0", "net/ipv4/conf/e.1/rp_filter=2",
                    "net.ipv4.tcp_rmem = 4096 87380 6291456" } }
node b { interface eth0 { network = S address = 10.0.0.2/24 } }
program a { node = a command = "sh %{here}/a.sh" }
program b { node = b command = "sh %{here}/b.sh" }
EOF
cat >a.sh <<'EOF'
cat /proc/sys/net/ipv4/icmp_ratelimit /proc/sys/net/ipv4/conf/e.1/rp_filter /proc/sys/net/ipv4/tcp_rmem
echo nameserver 10.0.0.9 >/etc/resolv.conf
echo 10.0.0.9 nine >>/etc/hosts
getent hosts nine
EOF
cat >b.sh <<'EOF'
cat /proc/sys/net/ipv4/icmp_ratelimit /proc/sys/net/ipv4/ip_forward
wc -c </etc/resolv.conf
! grep nine /etc/hosts
EOF
run own
same "sysctls and files: exit status" 0 "$status"
same "sysctls and files: as the node has them" "0 2 4096 87380 6291456 10.0.0.9 nine" \
	"$(log own a.sh.a | xargs)"
same "sysctls and files: no other node does" "1000 0 0" "$(log own b.sh.b | xargs)"

cat >refused.conf <<EOF
switch S {}
node a { interface eth0 { network = S } sysctl = { "net.ipv4.icmp_ratelimit=many" } }
node b { interface eth0 { network = S } }
EOF
run refused
same "a sysctl that the kernel refuses: exit status" 3 "$status"
has "a sysctl that the kernel refuses: message" \
	"node a: set sysctl net.ipv4.icmp_ratelimit to 'many': Invalid argument" refused.out
sed 's/icmp_ratelimit/icmp_rate/' refused.conf >absent.conf
run absent
has "a sysctl that is none: message" \
	"node a: set sysctl net.ipv4.icmp_rate to 'many': No such file" absent.out

# ---- DHCP ----

run dhcp
same "DHCP: exit status" 0 "$status"
same "DHCP: every datagram is accounted for" 0 "$(unexplained)"
log dhcp 'laptop.dhcp-client.sh.laptop' >laptop
has "DHCP: the laptop gets an address" '^eth0: 10\.0\.0\.1[0-5][0-9]/24, gateway 10\.0\.0\.1, ' laptop
has "DHCP: it resolves a name by the server it was told" '^Address: 192\.0\.2\.80' laptop
has "DHCP: and reaches it by the route it was told" '^2 packets transmitted, 2 received' laptop

same "the host's files are untouched" "$before" \
	"$(stat -L -c '%Y %i %s' /etc/resolv.conf /etc/hosts 2>&1; cat /etc/resolv.conf /etc/hosts 2>&1)"
finish
