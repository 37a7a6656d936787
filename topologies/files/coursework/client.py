#!/usr/bin/env python3
"""Send pictures to every server of the subnet, one task per picture.

A stranger's program as students write it: it knows nothing of the harness that runs it.
Each picture is cut into pieces of 1024 bytes, and each piece is one datagram from one socket that
all tasks share. Nobody answers, and nobody asks whether anything arrived.
"""
import asyncio
import concurrent.futures
import multiprocessing
import os
import socket
import sys
import threading
import time

PIECE = 1024


def open_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.bind(("", 0))
    return sock


SOCKET = open_socket()


def send(path, address):
    pieces = 0
    with open(path, "rb") as picture:
        while piece := picture.read(PIECE):
            SOCKET.sendto(piece, address)
            pieces += 1
    return f"{os.path.basename(path)}: {pieces} datagrams"


def multi_process(paths, address):
    tasks = [multiprocessing.Process(target=send, args=(p, address)) for p in paths]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()


def multi_thread(paths, address):
    tasks = [threading.Thread(target=send, args=(p, address)) for p in paths]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()


def multi_process_async(paths, address):
    with multiprocessing.Pool(20) as pool:
        results = [pool.apply_async(send, (p, address)) for p in paths]
        for result in results:
            print(result.get(timeout=10))


def multi_thread_async(paths, address):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = [pool.submit(send, p, address) for p in paths]
        for result in results:
            print(result.result(timeout=10))


def event_loop(paths, address):
    async def one(path):
        print(await asyncio.to_thread(send, path, address))

    async def everything():
        await asyncio.gather(*(one(p) for p in paths))

    asyncio.run(everything())


MODES = {
    "multi-process": multi_process,
    "multi-thread": multi_thread,
    "multi-process-async": multi_process_async,
    "multi-thread-async": multi_thread_async,
    "event-loop": event_loop,
}


def main():
    if len(sys.argv) < 5 or sys.argv[1] not in MODES:
        sys.exit(f"usage: client.py {'|'.join(MODES)} ADDRESS PORT PICTURE...")
    mode, host, port, paths = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    before = time.perf_counter()
    MODES[mode](paths, (host, port))
    print(f"{mode}: {len(paths)} pictures in {(time.perf_counter() - before) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
