#!/usr/bin/env python3
"""An HTTP server of a folder that sends its files in chunks: chunked.py FAULT ROOT

FAULT says what is wrong with the last of them that it sends: nothing, flip (a byte is another one),
truncate (the connection ends within it), size (a chunk is longer than its size says).
"""
import http.server
import os
import re
import sys
import urllib.parse

CHUNK = 1000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fault, root = "nothing", "."

    def chunks(self, body):
        pieces = [body[i:i + CHUNK] for i in range(0, len(body), CHUNK)]
        for i, piece in enumerate(pieces):
            size, last = len(piece), i == len(pieces) - 1
            if last and self.fault == "flip":
                piece = piece[:-1] + bytes([piece[-1] ^ 1])
            if last and self.fault == "size":
                size -= 1
            if last and self.fault == "truncate":
                piece = piece[:-1]
            self.wfile.write(b"%x;number=%d\r\n" % (size, i) + piece)
            if last and self.fault == "truncate":
                self.close_connection = True
                return
            self.wfile.write(b"\r\n")
        self.wfile.write(b"0\r\nX-Length: %d\r\n\r\n" % len(body))

    def file(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        with open(os.path.join(self.root, path.lstrip("/") or "index.html"), "rb") as file:
            return file.read()

    def do_GET(self):
        body = self.file()
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        self.send_response(206 if part else 200)
        if part:
            first, last = int(part[1]), int(part[2])
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            body = body[first:last + 1]
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command != "HEAD":
            self.chunks(body)

    do_HEAD = do_GET

    def do_POST(self):
        """Takes what comes, in chunks or not, and has nothing to say about it."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()


Handler.fault, Handler.root = sys.argv[1:]
http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
