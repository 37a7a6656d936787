#!/bin/sh
# client.sh tcp|udp-RATE SERVER: two seconds of it.
case $1 in
tcp) exec iperf3 --client "$2" --time 2 --format m ;;
udp-*) exec iperf3 --client "$2" --time 2 --format m --udp --bitrate "${1#udp-}" --length 1400 ;;
esac
