"""What the balancer's lab needs on both sides of it: python3 balancer.py COMMAND ARGUMENT..."""
import asyncio
import hashlib
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
to = ("127.0.0.1", 9000)


def say(*words):
    print(*words, flush=True)


def connect(timeout=60):
    return socket.create_connection(to, timeout=timeout)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass
    writer.close()


def serve(*ports):
    """Send back what comes, and an end for an end."""
    async def run():
        for port in ports:
            await asyncio.start_server(echo, "127.0.0.1", int(port), backlog=4096)
        say("ready")
        await asyncio.Event().wait()
    asyncio.run(run())


def stream(total, at_once, least, most):
    """Connections that send this many bytes, end, and want them back unchanged."""
    async def one(gate):
        async with gate:
            reader, writer = await asyncio.open_connection(*to)
            size, sent, got = random.randint(int(least), int(most)), hashlib.sha256(), hashlib.sha256()

            async def read():
                while data := await reader.read(1 << 18):
                    got.update(data)
            task = asyncio.create_task(read())
            while size > 0:
                data = os.urandom(min(size, 1 << 20))
                size -= len(data)
                sent.update(data)
                writer.write(data)
                await writer.drain()
            writer.write_eof()
            await task
            writer.close()
            return sent.digest() == got.digest()

    async def run():
        gate = asyncio.Semaphore(int(at_once))
        found = await asyncio.gather(*[one(gate) for _ in range(int(total))], return_exceptions=True)
        say(sum(x is True for x in found), "whole")
        for x in found:
            if x is not True:
                say(repr(x))
                break
    asyncio.run(run())


def hold(n):
    """Keep connections open, each of which has been answered; end when standard input does."""
    held = [connect() for _ in range(int(n))]
    for s in held:
        s.sendall(b"x")
    answered = sum(s.recv(1) == b"x" for s in held)
    say(answered, "held")
    sys.stdin.read()


def silent(n):
    """Connections that say nothing, until standard input ends."""
    held = [connect() for _ in range(int(n))]
    say(len(held), "silent")
    sys.stdin.read()


def vanish(n):
    """Clients that go in every way but the proper one."""
    for i in range(int(n)):
        s = connect()
        if i % 4 == 0:
            s.sendall(b"x" * 1000)
        elif i % 4 == 1:
            s.sendall(b"x" * 100000)
            s.shutdown(socket.SHUT_WR)
        elif i % 4 == 2:
            s.sendall(b"x")
            s.recv(1)
        reset(s)
    say("gone")


def slow(n, size):
    """Clients that read nothing until everything is full, and then want everything."""
    data = os.urandom(1 << 20) * (int(size) >> 20)
    clients = [(connect(), [0]) for _ in range(int(n))]
    for s, _ in clients:
        s.setblocking(False)
    quiet = time.monotonic()
    while time.monotonic() - quiet < 1:
        for s, sent in clients:
            try:
                n = s.send(data[sent[0]:sent[0] + 65536])
                sent[0] += n
                quiet = time.monotonic() if n > 0 else quiet
            except BlockingIOError:
                pass
    say("full")
    sys.stdin.readline()
    whole = 0
    for s, sent in clients:
        s.settimeout(60)
        got = bytearray()
        s.shutdown(socket.SHUT_WR)
        while part := s.recv(1 << 20):
            got += part
        whole += got == data[:sent[0]]
    say(whole, "whole")


def how_it_ends():
    """What a client sees that says hello and waits: data, an end, or a reset."""
    try:
        s = connect()
        s.sendall(b"hello")
        say(s.recv(100).decode() or "end")
    except ConnectionResetError:
        say("reset")


def lingers():
    """What a client sees that is answered and then says no more."""
    s = connect()
    s.sendall(b"hello")
    s.recv(100)
    try:
        say("end" if s.recv(100) == b"" else "data")
    except ConnectionResetError:
        say("reset")


def broken(port):
    """A backend that resets each connection once it has a byte of it, after sending four."""
    listener = socket.create_server(("127.0.0.1", int(port)))
    say("ready")
    while True:
        s = listener.accept()[0]
        s.recv(1)
        s.sendall(b"part")
        reset(s)


def rude(port):
    """A backend that resets each connection at once."""
    listener = socket.create_server(("127.0.0.1", int(port)))
    say("ready")
    while True:
        reset(listener.accept()[0])


def stuck(port):
    """A backend whose queue is full: it neither takes connections nor refuses them."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(0)
    held = [socket.socket() for _ in range(5)]
    for s in held:
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", int(port)))
    say("ready")
    time.sleep(1e6)


def partly():
    """A client of a backend that breaks: four bytes, and then a reset, not an end."""
    s = connect()
    s.sendall(b"x")
    got = b""
    try:
        while part := s.recv(100):
            got += part
        say(got.decode(), "end")
    except ConnectionResetError:
        say(got.decode(), "reset")


def half_open(n):
    """SYNs from addresses that nobody has: their handshakes never end."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    raw.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    for i in range(int(n)):
        source = socket.inet_aton("10.%d.%d.%d" % (random.randrange(256), random.randrange(256), 1 + i % 250))
        target = socket.inet_aton(to[0])
        tcp = struct.pack("!HHIIBBHHH", 1024 + i % 60000, to[1], i, 0, 5 << 4, 2, 65535, 0, 0)
        pseudo = source + target + struct.pack("!BBH", 0, 6, len(tcp)) + tcp
        total = sum(struct.unpack("!%dH" % (len(pseudo) // 2), pseudo))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        tcp = tcp[:16] + struct.pack("!H", ~total & 0xffff) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + source + target
        raw.sendto(ip + tcp, to)
    say("sent")


async def forward(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


def few(n, port, *backends):
    """A balancer that serves the first n connections, and only hears what the others say."""
    accepted = []

    async def one(reader, writer):
        accepted.append(1)
        backend = backends[len(accepted) % len(backends)]
        if len(accepted) > int(n):
            while await reader.read(1 << 16):
                pass
            writer.close()
            return
        up = await asyncio.open_connection(backend, 80)
        await asyncio.gather(forward(reader, up[1]), forward(up[0], writer))

    async def run():
        server = await asyncio.start_server(one, "", int(port), backlog=4096)
        await server.serve_forever()

    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    asyncio.run(run())


def early(which, n, *command):
    """Signals that come the moment it listens: how it ends when it is then told to stop."""
    ends = set()
    for _ in range(int(n)):
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while started.poll() is None:
            try:
                connect().close()
                break
            except ConnectionRefusedError:
                pass
        started.send_signal(getattr(signal, "SIG" + which))
        if which != "TERM":
            started.terminate()
        ends.add(started.wait(60))
    say(*sorted(ends))


def ask_until_refused(lost):
    """Each connection that came about is answered, however close to the end it did."""
    while True:
        try:
            s = connect()
        except (ConnectionRefusedError, TimeoutError):
            return
        except ConnectionResetError as error:
            lost.append(error)
            continue
        try:
            s.sendall(b"x")
            if s.recv(1) != b"x":
                lost.append("an end")
        except OSError as error:
            lost.append(error)
        s.close()


def stopped_under_load(n, *command):
    """Start it n times, and tell it to stop while 40 clients come again and again."""
    lost, statuses = [], set()
    for _ in range(int(n)):
        started = subprocess.Popen(command, stdout=subprocess.PIPE)
        while True:
            try:
                connect().close()
                break
            except ConnectionRefusedError:
                pass
        clients = [threading.Thread(target=ask_until_refused, args=(lost,)) for _ in range(40)]
        for c in clients:
            c.start()
        started.stdout.readline()  # of the first of them
        started.terminate()
        started.communicate()
        for c in clients:
            c.join()
        statuses.add(started.returncode)
    say(len(lost), "lost,", "status", *statuses, *lost[:3])


globals()[sys.argv[1]](*sys.argv[2:])
