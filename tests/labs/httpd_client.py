#!/usr/bin/env python3
"""What no well-behaved client does to an HTTP server; used by httpd.sh.

    httpd_client.py corpus PORT      requests that are not right, one connection each
    httpd_client.py crowd PORT N     N connections, open at once, idle; then all ask
    httpd_client.py slow PORT        readers that do not read, clients that vanish, others served
    httpd_client.py churn PORT N     N connections that end in all sorts of ways
    httpd_client.py queue PORT N     N connections, which are beyond the limit
    httpd_client.py shrink PORT      a file is cut short while it is sent
    httpd_client.py load PORT        requests until the server is gone: none may be lost
"""
import os
import resource
import socket
import struct
import sys
import threading
import time

DEADLINE = 20
# What httpd.sh puts into the served folder.
BODY = b"<p>hello</p>\n"
GOOD = b"GET /page.html HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def get(path, *headers):
    lines = [b"GET " + path + b" HTTP/1.1", b"Host: a", *headers, b"Connection: close", b"", b""]
    return b"\r\n".join(lines)


def post(headers, content=b""):
    return b"POST /page.html HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + content


# name, what is sent, the statuses that may be answered. 0: closed without an answer. The first
# status of each answer counts; an answer to what was smuggled behind a request is a failure.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CORPUS = [
    ("nothing but a line end", b"\r\n\r\n\r\n\r\n", {0, 400}),
    ("no version", b"GET /page.html\r\n\r\n", {0, 200, 400}),
    ("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", {0, 400}),
    ("only a method", b"GET\r\n\r\n", {0, 400}),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {0, 400, 405, 505}),
    ("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", {0, 400, 505}),
    ("HTTP/1.11", b"GET / HTTP/1.11\r\nHost: a\r\n\r\n", {0, 400, 505}),
    ("lower-case version", b"GET / http/1.1\r\nHost: a\r\n\r\n", {0, 400, 505}),
    ("lower-case method", b"get / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {400, 405}),
    ("unknown method", b"BREW / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {405, 501}),
    ("method with a bracket", b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", {0, 400}),
    ("method of 20000 letters", b"A" * 20000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", {0, 400, 414, 431}),
    ("TLS hello", bytes.fromhex("16030100c6010000c20303") + os.urandom(187), {0, 400}),
    ("random bytes", os.urandom(5000), {0, 400, 413, 414, 431}),
    ("zeros", bytes(5000), {0, 400, 413, 414, 431}),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {400, 405}),
    ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {400, 405}),
    ("TRACE", b"TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {405}),
    ("absolute form", get(b"http://b/page.html"), {200}),
    ("absolute form, other scheme", get(b"ftp://b/page.html"), {400}),
    ("target without a slash", get(b"page.html"), {400}),
    ("target with a space", get(b"/pa ge.html"), {0, 400, 404}),
    ("target with NUL", get(b"/page.html\0.png"), {0, 200, 400, 404}),
    ("target with %00", get(b"/page.html%00.png"), {400}),
    ("target with a bad escape", get(b"/%zz"), {400}),
    ("target that ends in %", get(b"/a%"), {400}),
    ("target with 8-bit bytes", get(b"/\xff\xfe\xc0\xaf"), {400, 404}),
    ("target with overlong dots", get(b"/%c0%ae%c0%ae/outside"), {404}),
    ("target that climbs", get(b"/../outside"), {400}),
    ("target that climbs, encoded", get(b"/%2e%2e%2foutside"), {400}),
    ("target that climbs, twice encoded", get(b"/%252e%252e/outside"), {404}),
    ("target that climbs from below", get(b"/sub/../../outside"), {400}),
    ("target that climbs with backslashes", get(b"/..\\outside"), {404}),
    ("absolute path behind slashes", get(b"//etc/passwd"), {404}),
    ("link that leads out", get(b"/link-out"), {404}),
    ("folder link that leads out", get(b"/folder-out/outside"), {404}),
    ("FIFO", get(b"/fifo"), {404}),
    ("target of 7000 bytes", get(b"/" + b"a" * 7000), {404, 414}),
    ("target of 100000 bytes", get(b"/" + b"a" * 100000), {0, 400, 413, 414, 431}),
    ("500 slashes", get(b"/" * 500 + b"page.html"), {200}),
    ("500 climbs", get(b"/a" * 500 + b"/.." * 501), {400}),
    ("query", get(b"/page.html?a=%00&b=../.."), {200}),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", {400}),
    ("two Hosts", get(b"/", b"Host: b"), {400}),
    ("1000 headers", get(b"/", *[b"X-%d: y" % i for i in range(1000)]), {0, 400, 413, 431}),
    ("a header of 100000 bytes", get(b"/", b"X: " + b"y" * 100000), {0, 400, 413, 431}),
    ("header without a colon", get(b"/page.html", b"nonsense"), {0, 200, 400}),
    # libmicrohttpd 0.9.75 takes it for the end of the headers, and what follows for a request.
    ("header without a name", get(b"/page.html", b": x"), {0, 200, 400}),
    ("space before the colon", get(b"/page.html", b"X : y"), {0, 400}),
    ("folded header", get(b"/page.html", b"X: a\r\n b"), {0, 200, 400}),
    ("folded first header", b"GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", {0, 200, 400}),
    ("NUL in a header", get(b"/page.html", b"X: a\0b"), {0, 200, 400}),
    ("bare CR in a header", get(b"/page.html", b"X: a\rb"), {0, 200, 400}),
    ("bare LF everywhere", get(b"/page.html").replace(b"\r\n", b"\n"), {0, 200, 400}),
    ("several ranges", get(b"/page.html", b"Range: bytes=0-1,3-4"), {200}),
    ("range backwards", get(b"/page.html", b"Range: bytes=5-1"), {200}),
    ("range beyond", get(b"/page.html", b"Range: bytes=1000-"), {416}),
    ("range of 2^64", get(b"/page.html", b"Range: bytes=0-18446744073709551616"), {200}),
    ("range of nothing", get(b"/page.html", b"Range: bytes=-0"), {416}),
    ("range of 10000 bytes", get(b"/page.html", b"Range: bytes=" + b"0-1," * 2500), {200}),
    ("range in letters", get(b"/page.html", b"Range: bytes=a-z"), {200}),
    ("bad dates", get(b"/page.html", b"If-Modified-Since: \xff yesterday"), {200, 400}),
    ("date in the year 99999", get(b"/page.html", b"If-Modified-Since: Sun, 06 Nov 99999 08:49:37 GMT"), {200, 304}),
    ("tags that do not end", get(b"/page.html", b'If-None-Match: "' + b'a,"' * 500), {200}),
    ("length that is negative", post(b"Content-Length: -1\r\n", SMUGGLED), {0, 400}),
    ("length with a plus", post(b"Content-Length: +5\r\n", b"hello" + SMUGGLED), {0, 400}),
    ("length in hexadecimal", post(b"Content-Length: 0x5\r\n", b"hello" + SMUGGLED), {0, 400}),
    ("length of 2^64", post(b"Content-Length: 18446744073709551616\r\n", SMUGGLED), {0, 400, 413}),
    ("two lengths", post(b"Content-Length: 0\r\nContent-Length: 35\r\n", SMUGGLED), {0, 400}),
    ("length and coding", post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                               b"0\r\n\r\n" + SMUGGLED), {0, 400}),
    ("coding with a tab", post(b"Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n",
                               b"0\r\n\r\n" + SMUGGLED), {0, 400}),
    ("coding with a space before the colon", post(b"Transfer-Encoding : chunked\r\n",
                                                  b"0\r\n\r\n" + SMUGGLED), {0, 400}),
    ("coding nobody knows", post(b"Transfer-Encoding: xchunked\r\n", SMUGGLED), {0, 400, 501}),
    ("two codings", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                         b"0\r\n\r\n" + SMUGGLED), {0, 400, 501}),
    ("GET with a length, too", b"GET /page.html HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
     % len(SMUGGLED) + SMUGGLED + LAST, {200}),
    ("chunk size that is none", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"zz\r\nhello\r\n0\r\n\r\n" + SMUGGLED, {0, 400}),
    ("chunk size of 2^64", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"10000000000000000\r\nhello\r\n0\r\n\r\n" + SMUGGLED, {0, 400, 413}),
    ("chunk longer than it says", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"2\r\nhello\r\n0\r\n\r\n" + SMUGGLED, {0, 400}),
    ("good chunks", b"GET /page.html HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"5;x=y\r\nhello\r\n0\r\nTrailer: a\r\n\r\n" + LAST, {200}),
    ("content that does not end", b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     + b"10000\r\n" + b"x" * 65536 + (b"\r\n10000\r\n" + b"x" * 65536) * 20, {0, 400, 413}),
    ("content beyond the limit", post(b"Content-Length: 100000000\r\n", b"x" * 1000), {405, 413}),
    ("expectation", post(b"Content-Length: 5\r\nExpect: 100-continue\r\n"), {405}),
    ("expectation nobody knows", get(b"/page.html", b"Expect: wonders"), {200, 417}),
    ("upgrade", get(b"/page.html", b"Upgrade: websocket"), {200, 400}),
    ("20 in a row", GOOD * 19 + LAST, {200}),
    ("20 in a row, half of them missing", (GOOD + GOOD.replace(b"page", b"none")) * 10 + LAST, {200, 404}),
    ("half a request", b"GET / HTT", {0, 400}),
    ("half a header", b"GET / HTTP/1.1\r\nHost: a\r\nX", {0, 400}),
    ("HEAD with a range", b"HEAD /page.html HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n"
     b"Connection: close\r\n\r\n", {200}),
]


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
    s.settimeout(DEADLINE)
    return s


def read_all(s):
    """Until the server closes; a reset counts as that."""
    got = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return got
            got += piece
    except (ConnectionResetError, BrokenPipeError):
        return got


def ask_good(port):
    with connect(port) as s:
        s.sendall(LAST)
        got = read_all(s)
    assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"\r\n\r\n" + BODY), got[:200]


def statuses(got):
    found, at = [], 0
    while (at := got.find(b"HTTP/1.", at)) >= 0:
        found.append(int(got[at + 9:at + 12]))
        at += 12
    return found


def try_request(port, request, expected):
    with connect(port) as s:
        try:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError, OSError):
            pass
        got = read_all(s)
    found = statuses(got)
    # SMUGGLED names a file that is there: an answer with it was one too many.
    assert b"smuggled content" not in got, "the second request was answered"
    assert set(found or [0]) <= expected, f"answered {found}"


def corpus(port):
    bad = 0
    for name, request, expected in CORPUS:
        try:
            try_request(port, request, expected)
            ask_good(port)
        except (AssertionError, OSError) as error:
            bad += 1
            print(f"{name}: {error or type(error).__name__}")
    print(f"{len(CORPUS)} requests, {bad} answered wrongly")
    return bad == 0


def memory_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(l for l in status if l.startswith("VmRSS")).split()[1])


def crowd(port, n):
    """PID in the environment: its memory is printed, KiB per connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pid = os.environ.get("PID")
    before = memory_of(pid) if pid else 0
    open_ones = [connect(port) for _ in range(n)]
    for s in open_ones:
        s.sendall(GOOD)
    for s in open_ones:
        got = b""
        while not got.endswith(BODY):
            piece = s.recv(65536)
            assert piece, "a connection was closed"
            got += piece
    ask_good(port)
    if pid:
        grown = (memory_of(pid) - before) / n
        print(f"{grown:.1f} KiB per connection")
        assert grown < float(os.environ["KIB"]), "too much memory"
    return True


def vanish(s):
    """A reset instead of an end."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def slow(port):
    """Half read nothing of a large file, the other half vanish; others are served meanwhile."""
    readers = []
    for i in range(40):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(DEADLINE)
        s.connect(("127.0.0.1", port))
        s.sendall(get(b"/large.bin"))
        s.recv(100)
        if i % 2:
            vanish(s)
        else:
            readers.append(s)
    half = [connect(port) for _ in range(20)]
    for s in half:
        s.sendall(b"GET /page.html HTTP/1.1\r\nHo")
    for _ in range(100):
        ask_good(port)
    for s in half:
        s.sendall(b"st: a\r\nConnection: close\r\n\r\n")
        assert read_all(s).endswith(BODY), "a slow request got no answer"
    for s in readers:
        vanish(s)
    return True


def churn(port, n):
    requests = [LAST, GOOD, b"GET /", b"", get(b"/large.bin"), get(b"/none"), b"x\r\n\r\n",
                post(b"Content-Length: 5\r\n")]
    for i in range(n):
        s = connect(port)
        s.sendall(requests[i % len(requests)])
        if i % 3 == 0:
            read_all(s) if i % len(requests) == 0 else s.close()
        elif i % 3 == 1:
            vanish(s)
        s.close()
    ask_good(port)
    return True


def client_under_load(port, lost, answered, big):
    path = b"/medium.bin" if big else b"/page.html"
    while True:
        try:
            s = connect(port)
        except (ConnectionError, TimeoutError):
            return
        try:
            s.sendall(get(path))
            got = read_all(s)
        except OSError as error:
            got = str(error).encode()
        s.close()
        head, _, body = got.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 ") or len(body) != (20480 if big else len(BODY)):
            lost.append(got[:100])
        else:
            answered.append(1)
            if len(answered) == 500:
                print("loaded", flush=True)


def load(port):
    lost, answered = [], []
    clients = [threading.Thread(target=client_under_load, args=(port, lost, answered, i % 2))
               for i in range(16)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    print(f"{len(answered)} answered, {len(lost)} lost", lost[:3])
    return not lost and len(answered) >= 500


def trickle(port):
    """A request that never ends, byte by byte: the server gives up on it."""
    start = time.monotonic()
    with connect(port) as s:
        try:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
            s.settimeout(0.2)
            while time.monotonic() < start + DEADLINE:
                s.sendall(b"y")
                try:
                    if not s.recv(1000):
                        return True
                except TimeoutError:
                    pass
        except (ConnectionResetError, BrokenPipeError):
            return True
    return False


def queue(port, n):
    """Many more at once than the limit of the server: each is answered in its turn."""
    waiting = [connect(port) for _ in range(n)]
    for s in waiting:
        s.sendall(LAST)
    answered = 0
    for s in waiting:
        with s:
            answered += read_all(s).startswith(b"HTTP/1.1 200 ")
    print(answered, "of", n)
    return answered == n


def shrink(port):
    """A file that is cut short while it is sent: its answer ends, and others have theirs."""
    name = "root/shrinks.%d" % port
    with open(name, "wb") as f:
        f.truncate(100000000)
    with connect(port) as s:
        s.sendall(get(b"/" + os.path.basename(name).encode()))
        first = s.recv(1000)
        os.truncate(name, 100000)
        rest = read_all(s)
    os.unlink(name)
    ask_good(port)
    return first.startswith(b"HTTP/1.1 200 ") and len(rest) < 100000000


COMMANDS = {f.__name__: f for f in (corpus, crowd, slow, churn, load, trickle, shrink, queue)}
sys.exit(0 if COMMANDS[sys.argv[1]](*map(int, sys.argv[2:])) else 1)
