#!/usr/bin/env python3
"""Servers that take their time, and clients that do not wait for them; used by tcp.sh.

    tcp_program.py slow PORT          a pause after each piece that it reads, and one before it closes
    tcp_program.py leaks PORT         reads all and closes no connection
    tcp_program.py deaf PORT          reads nothing
    tcp_program.py busy PORT          accepts nothing
    tcp_program.py send HOST PORT N   sends N bytes, closes, and ends
    tcp_program.py chatter HOST PORT  sends for as long as it lives

What servers read goes to the file `taken`, and "the end" behind the bytes of each connection.
"""
import signal
import socket
import sys
import time

PIECE = 8 << 10
PAUSE = 0.03


def take(connection, pause):
    with open("taken", "ab", buffering=0) as file:
        while data := connection.recv(PIECE):
            time.sleep(pause)
            file.write(data)
        time.sleep(pause)
        file.write(b"the end")


def serve(manner, port):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    server.bind(("", port))
    server.listen(8)
    print("listening", flush=True)
    kept = []
    while manner == "busy":
        signal.pause()
    while True:
        connection = server.accept()[0]
        kept.append(connection)
        if manner == "deaf":
            continue
        take(connection, PAUSE if manner == "slow" else 0)
        if manner != "leaks":
            connection.close()


def send(host, port, n):
    with socket.create_connection((host, port)) as s:
        s.sendall(b"x" * n)


def chatter(host, port):
    with socket.create_connection((host, port)) as s:
        while True:
            s.sendall(b"x" * PIECE)


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
elif sys.argv[1] == "chatter":
    chatter(sys.argv[2], int(sys.argv[3]))
else:
    serve(sys.argv[1], int(sys.argv[2]))
