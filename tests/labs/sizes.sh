#!/bin/sh
# LONG=1: a file of 1 GiB, too.
# Sizes around the limits of a chunk, odd names, and three hundred files at once, in every mode.
. "$(dirname "$0")/lib.sh"

mkdir files many
: >files/0
for n in 1 1431 1432 1433 65536 10000000; do
	head -c "$n" /dev/urandom >"files/$n"
done
head -c 5000 /dev/urandom >'files/with two spaces'
head -c 5000 /dev/urandom >'files/Bild-ä-日本.bin'
head -c 5000 /dev/urandom >'files/-rf'
{
	echo "$all_modes"
	echo 'transfer sizes { from = alpine-1 to = { alpine-2, alpine-3 } mode = "%{mode}" files = {'
	find files -type f | sed 's/.*/"&",/' | sed '$ s/,$//'
	echo '} }'
} | topology sizes
run sizes
same "exit status" 0 "$status"
same "every file in every mode" "6 120 pass" "$(jq -r \
	'"\(.runs | length) \([.runs[].files[]] | length) \([.runs[].files[].outcome] | unique | join(","))"' "$report")"
[ "$failed" = 0 ] || cat sizes.out

for i in $(seq 300); do
	head -c $((i * 37)) /dev/urandom >"many/file $i"
done
{
	echo 'deadline = 60s'
	echo "$all_modes"
	echo 'transfer many { from = alpine-1 to = { alpine-2, alpine-3 } mode = "%{mode}" files = {'
	find many -type f | sed 's/.*/"&",/' | sed '$ s/,$//'
	echo '} }'
} | topology many
run many
same "three hundred files: exit status" 0 "$status"
same "three hundred files in every mode" "6 3600 pass" "$(jq -r \
	'"\(.runs | length) \([.runs[].files[]] | length) \([.runs[].files[].outcome] | unique | join(","))"' "$report")"
[ "$failed" = 0 ] || tail -n 40 many.out

if [ -n "${LONG:-}" ]; then
	head -c 1073741824 /dev/urandom >large
	topology large <<EOF
deadline = 300s
transfer large { from = alpine-1 to = { alpine-2, alpine-3 } files = large mode = event-loop }
EOF
	run large
	same "1 GiB: exit status" 0 "$status"
	[ "$status" = 0 ] || cat large.out
fi
finish
