#!/bin/sh
# What `make install` installs runs by itself, from any folder.
. "$(dirname "$0")/lib.sh"

variant=$(basename "$BUILD")
ok "make install" make -C "$top" VARIANT="$variant" DESTDIR="$work/root" PREFIX=/usr install
installed=$work/root/usr
same "--version" "harness $(sed -n 's/^VERSION := //p' "$top/Makefile")" "$("$installed/bin/harness" --version)"
ok "a lab of the installed topology" "$installed/bin/harness" run -q --only mode=multi-thread \
	"$installed/share/harness/topologies/3alpine.conf"
ok "its evidence is in the current folder" [ -f captures/3alpine/latest/report.json ]
for name in "$installed"/share/harness/topologies/*.conf; do
	ok "check $(basename "$name")" "$installed/bin/harness" check "$name"
done
ok "what programs of others read is there, too" "$installed/bin/harness" run -q --only family=4 \
	"$installed/share/harness/topologies/web.conf"
for page in man1/harness.1 man5/harness.conf.5; do
	ok "$page can be read" mandoc -Tlint -Werror "$installed/share/man/$page"
done
finish
