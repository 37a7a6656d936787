#!/bin/sh
# Receivers that misbehave: each gets the right verdict for the right reason.
. "$(dirname "$0")/lib.sh"

cp "$top/topologies/files/1.png" "$top/topologies/files/2.png" .

# fault NAME STATUS PATTERN [EXTRA]: alpine-2 and alpine-3 receive with this fault.
fault() {
	{
		echo "deadline = ${4:-20s}"
		echo "transfer pictures { from = alpine-1 to = { alpine-2, alpine-3 } files = { \"1.png\", \"2.png\" }"
		echo "receiver = { \"$misbehave\", \"$1\" } }"
	} | topology "$1"
	run "$1"
	same "$1: exit status" "$2" "$status"
	has "$1: reason" "$3" "$1.out"
}

fault flip-byte 1 'alpine-2.*1\.png.*(differ|damage).* 4914'
same "flip-byte: the capture holds the picture" "pass fail" \
	"$(jq -r '.runs[0].files[0] | "\(.capture.outcome) \(.receiver.outcome)"' "$report")"
same "flip-byte: where" 4914 "$(jq '.runs[0].files[0].receiver.first_difference_byte' "$report")"
fault truncate 1 'alpine-2.*1\.png.*(short|missing|truncated)'
fault twice 1 'alpine-2.*1\.png.*(twice|2 times)'
fault absent 1 'alpine-2.*1\.png.*(not there|absent|no file|missing|does not exist)'
fault hang 124 'alpine-2/misbehave: hangs' 3s
fault crash 1 'alpine-2/misbehave.*(SIGSEGV|Segmentation)'
fault exit-3 1 'alpine-2/misbehave.*(exit|status).* 3'
fault exit-early 1 'alpine-2/misbehave.*exited 0'
fault ignore-term 1 'alpine-2/misbehave.*(ignored SIGTERM|SIGKILL)'
fault daemon 1 'alpine-2/misbehave.*(background|left)'
fault never-ready 1 'alpine-2/misbehave.*not.*bind UDP port 10000' 30s
fault kill-self 1 'alpine-2/misbehave.*SIGKILL'
fault flood 1 'alpine-2/misbehave.*(exit|status).* 3'
same "flood: no control characters on the terminal" 0 "$(grep -c "$(printf '\001')" flood.out)"

# A capture that had to drop proves nothing, and says so.
head -c 30000000 /dev/urandom >big
topology drops <<EOF
capture { buffer = "32KiB" }
transfer big { from = alpine-1 to = alpine-2 files = "big" }
EOF
run drops
same "a capture that dropped: exit status" 3 "$status"
same "a capture that dropped: verdict" inconclusive "$(jq -r '.runs[0].outcome' "$report")"
has "a capture that dropped: reason" 'alpine-[123]/eth0.*dropped' drops.out
finish
