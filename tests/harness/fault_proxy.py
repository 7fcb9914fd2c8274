#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""A bad day in front of an S3 server: passes requests on, or makes trouble of them.

    fault_proxy.py LISTEN_PORT SERVER_PORT      both on 127.0.0.1; ends with its stdin

It prints `ready PORT` once it listens; LISTEN_PORT 0 is any that is free.

Rules come by `POST /-/rules`, one a line, and replace those before; the first that fits counts:

    ACTION TIMES METHOD REGEX       the regex is looked for in path and query, decoded

`GET /-/log` gives one line a request since the last POST: METHOD ACTION STATUS PATH.

    reset-before    the connection is reset before anything is done
    reset-during    ... after half of the body was taken
    reset-after     ... after the server did its work: the answer is lost
    truncate        half of the answer, then the end
    wrong-length    an answer that says it is ten bytes longer than it is, then the end
    wrong-body      an answer with a byte changed
    slow            an answer of two bytes a second
    hang            no answer at all
    500 503         an error, nothing is done;  503 says SlowDown
    wait            503 with Retry-After: 1
    500-after       the work is done, and the answer is an error
    lie             nothing is done, and the answer says it was
    lie-half        half of the body is stored, and the answer says all was
    close           a good answer, then the connection is closed without a word
    no-checksum     refused where there is a x-amz-checksum-sha256 or -algorithm
    no-condition    refused where there is an If-None-Match
    checksum        the server keeps SHA-256s, as AWS does
    checksum-wrong  ... and finds another one when it is asked later
    region:R:S      status S (301, 307 or 400) unless the request is signed for region R
"""
import base64
import hashlib
import http.client
import re
import socket
import socketserver
import struct
import sys
import threading
import time
import urllib.parse

SERVER_PORT = int(sys.argv[2])
lock = threading.Lock()
rules, log, checksums = [], [], {}


class Gone(Exception):
    """The connection is to end here."""


def sha256_text(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path = urllib.parse.unquote(target)

    def has(self, name):
        return name in self.headers


class Answer:
    def __init__(self, status, headers, body, length=None):
        self.status, self.headers, self.body = status, headers, body
        self.length = len(body) if length is None else length


def error(status, code, more="", headers=()):
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code>{more}</Error>".encode()
    return Answer(status, list(headers) + [("Content-Type", "application/xml")], body)


def upstream(request):
    """What the server says; the request goes there as it came."""
    server = http.client.HTTPConnection("127.0.0.1", SERVER_PORT, timeout=60)
    server.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        if name != "connection":
            server.putheader(name, value)
    server.endheaders(request.body if request.body else None)
    reply = server.getresponse()
    body = reply.read()
    length = int(reply.getheader("Content-Length") or 0) if request.method == "HEAD" else None
    keep = [(n, v) for n, v in reply.getheaders()
            if n.lower() not in ("content-length", "transfer-encoding", "connection")]
    server.close()
    return Answer(reply.status, keep, body, length)


def lie(request):
    etag = hashlib.md5(request.body).hexdigest()
    body = b""
    if request.method == "POST":
        body = b"<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>"
    return Answer(204 if request.method == "DELETE" else 200, [("ETag", f'"{etag}"')], body)


def lie_half(request):
    cut = Request(request.method, request.target, dict(request.headers),
                  request.body[:len(request.body) // 2])
    cut.headers["content-length"] = str(len(cut.body))
    # Only the signature would stop it; the server below is one that has lost its bytes later.
    user = "ARCHIVERKEY:archiversecret1234"
    import subprocess
    subprocess.run(["curl", "-sS", "-o", "/dev/null", "-X", "PUT", "--aws-sigv4",
                    "aws:amz:us-east-1:s3", "--user", user, "-H",
                    "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--data-binary", "@-",
                    f"http://127.0.0.1:{SERVER_PORT}{request.target}"],
                   input=cut.body, check=True)
    return lie(request)


def kept_checksum(request, wrong):
    """AWS's rules for SHA-256: checked on the way in, told to whoever asks."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.target).query,
                                  keep_blank_values=True)
    name = urllib.parse.urlsplit(request.target).path
    given = request.headers.get("x-amz-checksum-sha256")
    if request.method == "PUT" and given is not None and given != sha256_text(request.body):
        return error(400, "BadDigest")
    if request.method == "PUT" and "uploadId" in query and given is None:
        return error(400, "InvalidRequest")
    answer = upstream(request)
    if answer.status >= 300:
        return answer
    if request.method == "PUT" and given is not None:
        answer.headers.append(("x-amz-checksum-sha256", given))
        if "uploadId" not in query:
            checksums[name] = given
    elif request.method == "POST" and "uploads" in query and request.has("x-amz-checksum-algorithm"):
        answer.headers.append(("x-amz-checksum-algorithm", "SHA256"))
    elif request.method == "POST" and "uploadId" in query:
        parts = re.findall(rb"<ChecksumSHA256>([^<]*)", request.body)
        whole = sha256_text(b"".join(base64.b64decode(p) for p in parts)) + f"-{len(parts)}"
        checksums[name] = whole
        answer.body = answer.body.replace(
            b"</CompleteMultipartUploadResult>",
            f"<ChecksumSHA256>{whole}</ChecksumSHA256></CompleteMultipartUploadResult>".encode())
        answer.length = len(answer.body)
    elif request.method == "HEAD" and request.headers.get("x-amz-checksum-mode") == "ENABLED":
        value = checksums.get(name)
        if value:
            answer.headers.append(
                ("x-amz-checksum-sha256", sha256_text(b"another") if wrong else value))
    return answer


def signed_for(request):
    found = re.search(r"Credential=[^/]*/[^/]*/([^/]*)/", request.headers.get("authorization", ""))
    return found.group(1) if found else ""


def elsewhere(request, region, status):
    if signed_for(request) == region:
        return upstream(request)
    if status == 400:
        return error(400, "AuthorizationHeaderMalformed", f"<Region>{region}</Region>")
    if status == 307:
        return error(307, "TemporaryRedirect",
                     f"<Endpoint>bucket.s3.{region}.amazonaws.com</Endpoint>",
                     [("Location", f"https://bucket.s3.{region}.amazonaws.com/")])
    return error(301, "PermanentRedirect", "", [("x-amz-bucket-region", region)])


def answer_of(action, request):
    if action in ("500", "503", "wait"):
        more = [("Retry-After", "1")] if action == "wait" else []
        return error(500, "InternalError") if action == "500" else error(503, "SlowDown", "", more)
    if action == "lie":
        return lie(request)
    if action == "lie-half":
        return lie_half(request)
    if action == "no-checksum" and (request.has("x-amz-checksum-sha256") or
                                    request.has("x-amz-checksum-algorithm")):
        return error(400, "InvalidRequest")
    if action == "no-condition" and request.has("if-none-match"):
        return error(501, "NotImplemented")
    if action.startswith("checksum"):
        return kept_checksum(request, action == "checksum-wrong")
    if action.startswith("region:"):
        _, region, status = action.split(":")
        return elsewhere(request, region, int(status))
    answer = upstream(request)
    return error(500, "InternalError") if action == "500-after" else answer


class Connection(socketserver.BaseRequestHandler):
    def setup(self):
        self.file = self.request.makefile("rb")

    def reset(self):
        # Nothing may be left that would make a FIN of it.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.file.close()
        self.request.close()
        raise Gone

    def handle(self):
        try:
            while self.one():
                pass
        except (Gone, ConnectionError, BrokenPipeError, ValueError, OSError):
            pass

    def one(self):
        first = self.file.readline().split()
        if len(first) < 2:
            return False
        method, target = first[0].decode(), first[1].decode()
        headers = {}
        while (line := self.file.readline().decode().strip()):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        if target.startswith("/-/"):
            return self.control(method, target, self.file.read(length))
        action = self.rule(method, urllib.parse.unquote(target))
        if action == "reset-before":
            self.note(method, action, 0, target)
            self.reset()
        body = self.file.read(length // 2) if length else b""
        if action == "reset-during":
            self.note(method, action, 0, target)
            self.reset()
        body += self.file.read(length - len(body)) if length else b""
        if action == "hang":
            self.note(method, action, 0, target)
            self.request.recv(1)
            return False
        request = Request(method, target, headers, body)
        answer = answer_of(action, request)
        self.note(method, action, answer.status, target)
        if action == "reset-after":
            self.reset()
        return self.give(action, request, answer)

    def give(self, action, request, answer):
        length, body = answer.length, answer.body
        if action == "wrong-length":
            length += 10
        if action == "wrong-body" and body:
            at = len(body) // 2
            body = body[:at] + bytes([body[at] ^ 0x20]) + body[at + 1:]
        head = f"HTTP/1.1 {answer.status} Some Reason\r\nContent-Length: {length}\r\n"
        head += "".join(f"{n}: {v}\r\n" for n, v in answer.headers) + "\r\n"
        raw = head.encode() + (b"" if request.method == "HEAD" else body)
        if action == "truncate":
            self.request.sendall(raw[:-len(body) // 2] if body else raw[:len(head) // 2])
            return False
        if action == "slow":
            for at in range(0, len(raw), 2):
                self.request.sendall(raw[at:at + 2])
                time.sleep(1)
        self.request.sendall(raw)
        return action not in ("wrong-length", "close")

    def rule(self, method, path):
        with lock:
            for rule in rules:
                if rule[1] > 0 and rule[2] in (method, "ANY") and rule[3].search(path):
                    rule[1] -= 1
                    return rule[0]
        return "pass"

    def note(self, method, action, status, target):
        with lock:
            log.append(f"{method} {action} {status} {urllib.parse.unquote(target)}\n")

    def control(self, method, target, body):
        with lock:
            text = "".join(log)
            if method == "POST":
                log.clear()
                rules[:] = [[w[0], int(w[1]), w[2], re.compile(w[3])]
                            for w in (line.split(None, 3) for line in body.decode().splitlines())
                            if w]
        raw = text.encode() if target == "/-/log" else b""
        self.request.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw)
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


server = Server(("127.0.0.1", int(sys.argv[1])), Connection)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", server.server_address[1], flush=True)
sys.stdin.read()
