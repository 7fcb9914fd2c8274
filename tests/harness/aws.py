#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""A stand-in for the services of AWS that hand out keys, on 127.0.0.1.

    aws.py DIR [UPSTREAM]     writes its address to DIR/address and serves until it is killed

Instance metadata (version 2 only), the container's endpoint at /container, and STS at / as AWS
documents them. Before UPSTREAM (http://host:port of an S3 server) it is also a proxy for whatever
else comes, and the keys it hands out are then real: it assumes arn:aws:iam:::role/archiver there.

DIR steers it; every file is read anew at each request, and need not be there:
    keys           "ACCESS SECRET": handed out without UPSTREAM; what STS signatures and the role are
                   checked with
    life           seconds until keys are said to expire; "never": no word of it
    identity       the web identity token that STS takes
    authorization  the token that the container's endpoint wants
    uses           requests with one session token that the proxy lets through, then ExpiredToken
    answers        lines, each used up by one request for keys: "503", "404", "slow SECONDS", "text"
DIR/requests gets a line a request for keys: what was asked for, and which keys were handed out.
"""
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import sys
import threading
import time
import urllib.parse

DIR = sys.argv[1]
UPSTREAM = sys.argv[2].split("//")[1] if len(sys.argv) > 2 else None
LOCK = threading.Lock()
STATE = {"handed": 0, "uses": {}}


def steer(name, otherwise=None):
    try:
        with open(os.path.join(DIR, name)) as f:
            return f.read().strip()
    except FileNotFoundError:
        return otherwise


def note(line):
    with LOCK, open(os.path.join(DIR, "requests"), "a") as f:
        f.write(line + "\n")


def next_answer():
    with LOCK:
        lines = (steer("answers") or "").splitlines()
        if not lines:
            return None
        with open(os.path.join(DIR, "answers"), "w") as f:
            f.write("\n".join(lines[1:]))
        return lines[0]


def signature(method, path, headers, names, body, secret, scope, stamp):
    """Signature version 4, written from its description and apart from the program's own."""
    canonical = [method, path, ""]
    canonical += ["%s:%s" % (n, " ".join(headers[n].split())) for n in names]
    canonical += ["", ";".join(names), hashlib.sha256(body).hexdigest()]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, digest])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def real_keys():
    """Assumes the role at the server behind."""
    access, secret = steer("keys").split()
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    body = urllib.parse.urlencode({"Action": "AssumeRole", "Version": "2011-06-15",
                                   "RoleArn": "arn:aws:iam:::role/archiver",
                                   "RoleSessionName": "stand-in",
                                   "DurationSeconds": "900"}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "host": UPSTREAM,
               "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": stamp}
    scope = stamp[:8] + "/us-east-1/sts/aws4_request"
    names = sorted(headers)
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s" % (
        access, scope, ";".join(names),
        signature("POST", "/", headers, names, body, secret, scope, stamp))
    link = http.client.HTTPConnection(UPSTREAM)
    link.request("POST", "/", body, headers)
    answer = link.getresponse().read().decode()
    return [re.search("<%s>([^<]*)" % n, answer).group(1)
            for n in ("AccessKeyId", "SecretAccessKey", "SessionToken")]


def hand_out(what):
    """Access key, secret key, token, and when they are said to expire (or None)."""
    with LOCK:
        STATE["handed"] += 1
        number = STATE["handed"]
    if UPSTREAM:
        access, secret, token = real_keys()
    else:
        access, secret = steer("keys").split()
        token = "token%d" % number
    life = steer("life", "3600")
    until = None
    if life != "never":
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=float(life))
        until = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    note("%s: keys %d" % (what, number))
    return access, secret, token, until


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", kind="text/plain"):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def steered(self, what):
        """True where DIR/answers said what to answer."""
        line = next_answer()
        if line is None:
            return False
        note("%s: %s" % (what, line))
        if line.startswith("slow"):
            time.sleep(float(line.split()[1]))
            return False
        if line == "text":
            self.answer(200, "no keys today")
        else:
            self.answer(int(line), "no")
        return True

    def give_json(self, what):
        access, secret, token, until = hand_out(what)
        keys = {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": access,
                "SecretAccessKey": secret, "Token": token}
        if until:
            keys["Expiration"] = until
        self.answer(200, json.dumps(keys), "application/json")

    # --- instance metadata ---

    def metadata(self):
        if self.path == "/latest/api/token":
            life = self.headers.get("x-aws-ec2-metadata-token-ttl-seconds")
            if self.command != "PUT" or not life:
                return self.answer(400)
            if not self.steered("token"):
                STATE["imds"] = "session-%f" % time.time()
                self.answer(200, STATE["imds"])
            return None
        if self.headers.get("x-aws-ec2-metadata-token") != STATE.get("imds"):
            note("metadata without its token")
            return self.answer(401)
        roles = "/latest/meta-data/iam/security-credentials/"
        if self.path == roles:
            return self.steered("role") or self.answer(200, "archiver")
        if self.path == roles + "archiver":
            return self.steered("metadata") or self.give_json("metadata")
        return self.answer(404)

    # --- the container's endpoint ---

    def container(self):
        wanted = steer("authorization")
        if wanted is not None and self.headers.get("authorization") != wanted:
            note("container: not authorized")
            return self.answer(403, '{"code": "AccessDenied", "message": "no"}')
        return self.steered("container") or self.give_json("container")

    # --- STS ---

    def refuse(self, code, message):
        note("sts: " + code)
        self.answer(403, '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
                    "<Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
                    "<RequestId>1</RequestId></ErrorResponse>" % (code, message), "text/xml")

    def signed(self, body):
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]*)/([^,]*),\s*SignedHeaders=([^,]*),"
                             r"\s*Signature=(\w+)", self.headers.get("authorization", ""))
        access, secret = steer("keys").split()
        if not found or found.group(1) != access:
            return False
        headers = {k.lower(): v for k, v in self.headers.items()}
        names = found.group(3).split(";")
        return "host" in names and "x-amz-date" in names and found.group(4) == signature(
            self.command, self.path, headers, names, body, secret, found.group(2),
            headers["x-amz-date"])

    def sts(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        action = form.get("Action")
        if self.steered("sts"):
            return None
        if action == "AssumeRoleWithWebIdentity" and form["WebIdentityToken"] != steer("identity"):
            return self.refuse("InvalidIdentityToken", "the token is not ours")
        if action == "AssumeRole" and not self.signed(body):
            return self.refuse("SignatureDoesNotMatch", "the signature is not ours")
        if form.get("RoleArn") != "arn:aws:iam:::role/archiver" or "RoleSessionName" not in form:
            return self.refuse("AccessDenied", "the role may not be assumed")
        access, secret, token, until = hand_out(action)
        expires = "<Expiration>%s</Expiration>" % until if until else ""
        return self.answer(
            200, '<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%sResult>'
            "<AssumedRoleUser><Arn>arn:aws:sts:::assumed-role/archiver/s</Arn></AssumedRoleUser>"
            "<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>"
            "<SessionToken>%s</SessionToken>%s</Credentials></%sResult></%sResponse>"
            % (action, action, access, secret, token, expires, action, action), "text/xml")

    # --- in front of an S3 server ---

    def used_up(self):
        token = self.headers.get("x-amz-security-token")
        uses = steer("uses")
        if not uses or not token:
            return False
        with LOCK:
            STATE["uses"][token] = STATE["uses"].get(token, 0) + 1
            return STATE["uses"][token] > int(uses)

    def proxy(self, body):
        if self.used_up():
            note("proxy: expired")
            return self.answer(400, "<Error><Code>ExpiredToken</Code><Message>The provided token has "
                               "expired.</Message></Error>", "application/xml")
        link = http.client.HTTPConnection(UPSTREAM)
        link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            link.putheader(name, value)
        link.endheaders(body)
        reply = link.getresponse()
        text = reply.read()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        if not reply.getheader("content-length") and reply.status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        return link.close()

    def serve(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path.startswith("/latest/"):
            self.metadata()
        elif self.path.startswith("/container"):
            self.container()
        elif self.path == "/" and self.command == "POST":
            self.sts(body)
        elif UPSTREAM:
            self.proxy(body)
        else:
            self.answer(404)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    address = os.path.join(DIR, "address")
    with open(address + ".new", "w") as f:
        f.write("http://127.0.0.1:%d" % server.server_address[1])
    os.rename(address + ".new", address)
    server.serve_forever()


main()
