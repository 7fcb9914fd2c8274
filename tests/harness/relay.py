# SPDX-License-Identifier: PostgreSQL
"""Stands before an S3 server and now and then does what a real one will not do on command.

    relay.py TARGET-URL FAULT EVERY

Listens on a free port of 127.0.0.1, prints it, and hands requests on as they are. Of the requests
that write or delete, every EVERY-th meets the fault:

    503    refused with SlowDown, not handed on
    500    handed on, and answered with InternalError whatever the server said
    cut    handed on, and the connection closed without an answer
    slow   answered after a second
"""
import http.client
import http.server
import sys
import threading
import time
import urllib.parse

target = urllib.parse.urlsplit(sys.argv[1])
fault, every = sys.argv[2], int(sys.argv[3])
lock = threading.Lock()
count = 0


class Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def is_hit(self):
        global count
        if self.command not in ("PUT", "POST", "DELETE"):
            return False
        with lock:
            count += 1
            return count % every == 0

    def refuse(self, status, code):
        body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hand_on(self, body):
        server = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            server.putheader(name, value)
        server.endheaders(body or None)
        answer = server.getresponse()
        content = answer.read()
        server.close()
        return answer, content

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hit = self.is_hit()
        if hit and fault == "503":
            return self.refuse(503, "SlowDown")
        answer, content = self.hand_on(body)
        if hit and fault == "500":
            return self.refuse(500, "InternalError")
        if hit and fault == "cut":
            self.close_connection = True
            return None
        if hit and fault == "slow":
            time.sleep(1)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return None

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
print(server.server_port, flush=True)
server.serve_forever()
