#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Runs archiver-tui and samples it once a second: sample.py FILE.csv COMMAND...

What the run's control socket says is through (rows that are settled, and those of the batch in
work), and what the kernel says it takes of memory and CPU, and the server, whose first process is
$BENCH_SERVER, of CPU. A line a sample: seconds, rows, rss_kib, peak_kib, cpu_s, server_cpu_s.
$ARCHIVER_TUI_RUNTIME_DIR must be empty of other runs. The exit code is the command's.
"""
import glob
import json
import os
import socket
import subprocess
import sys
import time


def memory(pid):
    found = {}
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "VmHWM"):
                found[name] = int(value.split()[0])
    return found["VmRSS"], found["VmHWM"]


def cpu(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """CPU of its processes since the beginning; of one that has ended, what it had when last seen."""

    def __init__(self):
        self.first = os.environ.get("BENCH_SERVER", "")
        self.seen = {}
        self.before = self.cpu()

    def cpu(self):
        if not self.first:
            return 0
        with open(f"/proc/{self.first}/task/{self.first}/children") as children:
            pids = [self.first] + children.read().split()
        for pid in pids:
            try:
                self.seen[pid] = cpu(pid)
            except OSError:
                pass
        return sum(self.seen.values())

    def used(self):
        return self.cpu() - self.before


def connect(process):
    while process.poll() is None:
        for path in glob.glob(os.path.join(os.environ["ARCHIVER_TUI_RUNTIME_DIR"], "*.sock")):
            peer = socket.socket(socket.AF_UNIX)
            try:
                peer.connect(path)
                return peer
            except OSError:
                peer.close()
        time.sleep(0.01)
    return None


def main():
    out = open(sys.argv[1], "w")
    out.write("seconds,rows,rss_kib,peak_kib,cpu_s,server_cpu_s\n")
    server = Server()
    start = time.monotonic()
    process = subprocess.Popen(sys.argv[2:])
    peer = connect(process)
    if peer:
        peer.sendall(b'{"do":"subscribe","every_ms":1000}\n')
        for line in peer.makefile("r"):
            message = json.loads(line)
            if message["type"] != "snapshot":
                continue
            snapshot = message["snapshot"]
            rows = sum(t["rows_done"] + (t["rows_in_flight"] or 0) for t in snapshot["tables"])
            try:
                rss, peak = memory(process.pid)
                own = cpu(process.pid)
            except (OSError, KeyError):  # it is over
                break
            out.write("%.2f,%d,%d,%d,%.2f,%.2f\n" % (time.monotonic() - start, rows, rss, peak, own, server.used()))
            out.flush()
    sys.exit(process.wait())


if __name__ == "__main__":
    main()
