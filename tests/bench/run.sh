#!/bin/sh
# Figures, never a pass or fail: medians of several runs, and a peer in the same shape of network.
# ROUNDS (default 5, at least 2), SIZE (bytes of the large file, default 1 GiB) and REQUESTS (see
# load.sh) can be set.
set -eu
cd "$(dirname "$0")/../.."
harness=$PWD/harness
rounds=${ROUNDS:-5}
size=${SIZE:-1073741824}
build=${BUILD:-.build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

median() {
	sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

ms() { # COMMAND...: milliseconds that it took
	before=$(date +%s%N)
	"$@" >/dev/null 2>&1
	echo "$((($(date +%s%N) - before) / 10000))" | awk '{printf "%.2f\n", $1 / 100}'
}

nodes='hub Hub1 {}
node alpine-1 { interface eth0 { network = Hub1  address = "10.0.0.1/24" } }
node alpine-2 { interface eth0 { network = Hub1  address = "10.0.0.2/24" } }
node alpine-3 { interface eth0 { network = Hub1  address = "10.0.0.3/24" } }'

echo "machine: $(nproc) cores, $(uname -sr)"

echo "== the main job: harness run topologies/3alpine.conf, six modes"
for _ in $(seq "$rounds"); do
	ms "$harness" run --captures "$work/captures" topologies/3alpine.conf
done | median | sed 's/$/ ms, whole command, median/'
python3 - "$harness" "$work/captures" <<'EOF'
import resource, subprocess, sys
subprocess.run([sys.argv[1], "run", "--captures", sys.argv[2], "topologies/3alpine.conf"],
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000, "MB, largest process")
EOF

echo "== lab up and down, three nodes"
printf '%s\ncapture { packets = off }\n' "$nodes" >"$work/lab.conf"
for _ in $(seq "$rounds"); do
	ms "$harness" run --captures "$work/captures" "$work/lab.conf"
done | median | sed 's/$/ ms, whole command, median/'
jq -r '"\(.runs[0].phases.lab_ns / 1e6) ms of it until the lab is up"' "$work/captures/lab/latest/report.json"

echo "== the user link engine: one link, frames of 1066 bytes"
"$build/tests/bench/relay"

echo "== one file of $size bytes to one server"
head -c "$size" /dev/urandom >"$work/large"
for packets in full headers off; do
	{
		printf '%s\ndeadline = 300s\n' "$nodes"
		echo "capture { packets = $packets }"
		echo "transfer large { from = alpine-1 to = alpine-2 files = \"large\" mode = sequential }"
	} >"$work/$packets.conf"
	for _ in $(seq "$rounds"); do
		"$harness" run -q --captures "$work/captures" "$work/$packets.conf" >"$work/out" 2>&1 ||
			cat "$work/out" >&2
		jq -r '.runs[0] | "\(.totals.goodput_bits_per_second / 1e9) \([.captures[].dropped_packets] | add // 0) \(.outcome)"' \
			"$work/captures/$packets/latest/report.json"
		rm -rf "$work/captures/$packets"
	done >"$work/$packets.figures"
	printf 'captures %s: %s Gbit/s median; ' "$packets" "$(cut -d ' ' -f 1 "$work/$packets.figures" | median)"
	printf 'dropped and verdict in each: %s\n' "$(cut -d ' ' -f 2,3 "$work/$packets.figures" | tr '\n' ';')"
done

has_stream() {
	nginx -V 2>&1 | grep -q -e '--with-stream ' || ls /usr/lib*/nginx/modules/ngx_stream_module.so
}

# beside NAME ABSENT...: what a topology measures, without the lines of peers that are not installed.
beside() {
	name=$1 lines="s|%{here}|$PWD/tests/bench|g"
	shift
	for peer; do
		echo "$name beside $peer: not measured, it is not installed"
		lines="$lines; /$peer/d"
	done
	if ! command -v ab >/dev/null; then
		echo "$name: not measured, ab is not installed"
		return
	fi
	sed "$lines" "tests/bench/$name.conf" >"$work/$name.conf"
	"$harness" run -q --repeat "$rounds" --captures "$work/captures" "$work/$name.conf" || true
}

echo "== the balancer beside HAProxy and nginx, one thread each"
# shellcheck disable=SC2046 # nothing, or a name
beside balancer $(command -v haproxy >/dev/null || echo haproxy) $(has_stream >/dev/null 2>&1 || echo nginx)
echo "== the HTTP server beside nginx, with as many cores"
# shellcheck disable=SC2046 # nothing, or a name
beside httpd $(command -v nginx >/dev/null || echo nginx)

# The peer: socat over TCP, client to server through a bridge with a third host, nothing captured.
cat >"$work/socat.sh" <<'EOF'
set -e
ip link add br0 type bridge
for i in 1 2 3; do
	ip netns add n$i
	ip link add p$i type veth peer name eth0 netns n$i
	ip link set p$i master br0 up
	ip -n n$i address add 10.0.0.$i/24 dev eth0
	ip -n n$i link set eth0 up
done
ip link set br0 up
ip netns exec n2 socat -u $BUFFER TCP-LISTEN:10000 OPEN:received,creat,trunc &
until ip netns exec n2 ss -Hltn | grep -q :10000; do :; done
before=$(date +%s%N)
ip netns exec n1 socat -u $BUFFER OPEN:large TCP:10.0.0.2:10000
wait
after=$(date +%s%N)
cmp large received
echo "$before $after" >socat.time
EOF
for buffer in "" "-b 65536"; do
	for _ in $(seq "$rounds"); do
		(cd "$work" && BUFFER=$buffer unshare -n -m sh -c \
			'mount -t tmpfs none /run && mkdir /run/netns && sh -e socat.sh')
		awk -v size="$size" '{print size * 8 / ($2 - $1)}' "$work/socat.time"
	done | median | sed "s/^/socat $buffer over TCP, same shape: /; s/\$/ Gbit\/s median/"
done
