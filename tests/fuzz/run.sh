#!/bin/sh
# Runs each fuzzer of .build/fuzz for FUZZ_SECONDS (default 60) from seeds of our own; what they
# find that is new stays in .build/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../.."
build=.build/fuzz
seconds=${FUZZ_SECONDS:-60}
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT

mkdir -p "$seeds/topology" "$seeds/pcapng" "$seeds/link_log" "$seeds/wire" "$seeds/httpd" "$seeds/http"
cp topologies/*.conf tests/unit/topology/*.conf "$seeds/topology"
# A small run gives captures and a log, where this machine may run one.
if .build/release/harness run -q --captures "$seeds/captures" --only loss=10% \
	topologies/lossy.conf >/dev/null 2>&1; then
	cp "$seeds"/captures/lossy/latest/*/*.pcapng "$seeds/pcapng"
	cp "$seeds"/captures/lossy/latest/*/links.log "$seeds/link_log"
fi
# The first byte says what the rest is, see fuzz_httpd.c.
for text in '0/a/%2e%2e/b' '0http://host/a' '1bytes=1-5' '2Content-Length: 5' '3W/"a", "b"' \
	'4Sun, 06 Nov 1994 08:49:37 GMT'; do
	printf '%s' "$text" >"$seeds/httpd/$(printf '%s' "$text" | cksum | cut -d' ' -f1)"
done
# See fuzz_http.c: a conversation, and segments of one.
printf '1GET /page.html HTTP/1.1\r\n\r\n\0HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc' >"$seeds/http/whole"
printf '1GET /numbers.txt HTTP/1.1\r\nRange: bytes=0-1\r\n\r\n\0HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/9\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n1\r\n0\r\nA: b\r\n\r\n' >"$seeds/http/chunks"
printf '1POST /a/../page.html HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET http://a/page.html HTTP/1.0\r\n\r\n\0HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nHTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\nab' >"$seeds/http/bodies"
printf '2\002\0\0\0\0\212\0\0\001\0\010\0\001\001\031GET /page.html HTTP/1.0\r\n\r\n\210\0\001\001\004HTTP' >"$seeds/http/segments"
status=0
for name in topology pcapng link_log wire httpd http; do
	mkdir -p "$build/corpus/$name"
	echo "== $name: $seconds s"
	set --
	[ ! -f "tests/fuzz/$name.dict" ] || set -- "-dict=tests/fuzz/$name.dict"
	"$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 "$@" \
		-artifact_prefix="$build/" "$build/corpus/$name" "$seeds/$name" || status=1
done
exit "$status"
