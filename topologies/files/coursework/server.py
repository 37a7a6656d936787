#!/usr/bin/env python3
"""Print every datagram that arrives, and from whom. It never puts a picture together."""
import socket
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: server.py PORT")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", int(sys.argv[1])))
    print(f"waiting on port {sys.argv[1]}")
    while True:
        data, (host, port) = sock.recvfrom(1024)
        print(f"{len(data)} bytes from {host} port {port}: {data[:16].hex(' ')}")


if __name__ == "__main__":
    main()
