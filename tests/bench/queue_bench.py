#!/usr/bin/python3
"""Queues beside nginx's empty 200 (and npm's fauxqs) in the same run: one line of JSON per row.

queue_bench.py [--seconds S] [--rounds N] [--rows A,B] [--fauxqs DIR] [--data DIR]
queue_bench.py --backlog MESSAGES [--data DIR]    what a long backlog of 200-byte messages costs
queue_bench.py --smoke                            every row once, a few requests: does it still run?

FANFARE names the daemon and QUEUE_BENCH the client, both from a release build unless told.  nginx-light
is used when it is installed; DIR is a folder in which `npm i fauxqs` was run."""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))
from support import Daemon, free_port, wait_until  # noqa: E402

CLIENT = os.environ.get("QUEUE_BENCH", "build/release/queue_bench")

# What is asked: the client's row and its options.  "pace" is a share of the ceiling that another row found.
ROWS = {
    "SendMessage": dict(row="send"),
    "Cycle": dict(row="cycle"),
    "ReceiveDelete": dict(row="drain", prefill=60000),
    "SendMessageBatch": dict(row="send", batch=10, bytes=256),
    "SendMessageBatch.1KiB": dict(row="send", batch=10),
    "CycleBatch": dict(row="cycle", batch=10, bytes=256),
    "CycleBatch.1KiB": dict(row="cycle", batch=10),
    "ReceiveDeleteBatch": dict(row="drain", batch=10, bytes=256, prefill=120000),
    "Fifo.SendMessage": dict(row="send", fifo=1),
    "Fifo.ReceiveDelete": dict(row="drain", fifo=1, connections=8, wait=1, prefill=12000),
    "Fifo.SendMessageBatch": dict(row="send", fifo=1, batch=10, bytes=256),
    "Fifo.ReceiveDeleteBatch": dict(row="drain", fifo=1, batch=10, bytes=256, connections=8, wait=1,
                                    prefill=60000),
    "SendMessage.half": dict(row="send", pace=("SendMessage", 0.5)),
    "Cycle.half": dict(row="cycle", pace=("Cycle", 0.5)),
    "ReceiveDelete.half": dict(row="drain", pace=("ReceiveDelete", 0.5), prefill=40000),
}


def call(url, operation, **parameters):
    request = urllib.request.Request(url, json.dumps(parameters).encode(), {
        "X-Amz-Target": "AmazonSQS." + operation, "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, "
                         "SignedHeaders=host, Signature=0"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"{}")


def client(port, row, **options):
    arguments = [CLIENT, str(port), row] + ["%s=%s" % pair for pair in options.items()]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        sys.exit("%s failed" % " ".join(arguments))
    return json.loads(done.stdout)


def process_status(pid, *names):
    """Fields of /proc/PID/status, in MB."""
    with open("/proc/%d/status" % pid) as status:
        fields = dict(line.split(":", 1) for line in status)
    return {name + "_MB": round(int(fields[name].split()[0]) / 1024, 1) for name in names}


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stolen_ms():
    """What the machine below took from this one's processors since it started, in milliseconds."""
    with open("/proc/stat") as stat:
        return int(stat.readline().split()[8]) * 1000 // os.sysconf("SC_CLK_TCK")


class Server:
    """Whoever listens on `port` as process `pid`.  Each row gets a queue of its own."""

    def __init__(self, name, port, pid, is_echo=False):
        self.name, self.port, self.pid, self.is_echo = name, port, pid, is_echo
        self.queues = 0
        self.salt = 0

    def queue(self, is_fifo):
        self.queues += 1
        name = "bench-%d%s" % (self.queues, ".fifo" if is_fifo else "")
        if self.is_echo:
            return "http://127.0.0.1:%d/000000000000/%s" % (self.port, name)
        attributes = {"FifoQueue": "true"} if is_fifo else {}
        return call("http://127.0.0.1:%d/" % self.port, "CreateQueue", QueueName=name,
                    Attributes=attributes)["QueueUrl"]

    def delete(self, queue):
        if not self.is_echo:
            call("http://127.0.0.1:%d/" % self.port, "DeleteQueue", QueueUrl=queue)

    def warm_up(self):
        """The change log's files are written with zeros at their first use: not what is measured."""
        client(self.port, "send", queue=self.queue(False), batch=10, rounds=20000, seconds=600)

    def run(self, row, options, limits):
        options = dict(options, queue=self.queue(options.get("fifo")), **limits)
        row, prefill = options.pop("row"), options.pop("prefill", 0)
        self.salt += 1
        options.update(salt=self.salt * 10 ** 9, echo=int(self.is_echo))
        if prefill and not self.is_echo:
            amount = 2 * limits["rounds"] * options.get("batch", 1) if "rounds" in limits \
                else int(prefill * limits["seconds"])
            fill = dict(options, connections=64, batch=10, rounds=(amount + 9) // 10, seconds=600,
                        salt=options["salt"] + 10 ** 8)
            fill.pop("pace", None)
            client(self.port, "send", **fill)
        before, stolen = cpu_seconds(self.pid), stolen_ms()
        result = client(self.port, row, **options)
        result["stolen_ms"] = stolen_ms() - stolen
        result["cpu_us_per_request"] = round((cpu_seconds(self.pid) - before) * 1e6 / result["requests"], 1)
        self.delete(options["queue"])
        return result


NGINX = """daemon off; worker_processes 1; pid %(d)s/pid; error_log %(d)s/log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path %(d)s; proxy_temp_path %(d)s;
  fastcgi_temp_path %(d)s; uwsgi_temp_path %(d)s; scgi_temp_path %(d)s; client_body_buffer_size 16k;
  server { listen 127.0.0.1:%(port)d backlog=1024; location / { return 200; } } }
"""


def nginx_start(folder):
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        return None, None
    port = free_port()
    with open(os.path.join(folder, "nginx.conf"), "w") as conf:
        conf.write(NGINX % {"d": folder, "port": port})
    process = subprocess.Popen([binary, "-c", conf.name])
    wait_until(lambda: answers(port), "nginx")
    with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as children:
        worker = int(children.read().split()[0])
    return process, Server("nginx", port, worker, is_echo=True)


def fauxqs_start(folder):
    port = free_port()
    process = subprocess.Popen([os.path.join(folder, "node_modules/.bin/fauxqs")], stdout=subprocess.DEVNULL,
                               env=dict(os.environ, FAUXQS_PORT=str(port), FAUXQS_LOGGER="false"))
    wait_until(lambda: answers(port), "fauxqs")
    return process, Server("fauxqs", port, process.pid)


def answers(port):
    try:
        urllib.request.urlopen("http://127.0.0.1:%d/" % port).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


# --- The rows.

SHOWN = ("requests_per_s", "messages_per_s", "cpu_us_per_request")


def median(results, key):
    return statistics.median(result[key] for result in results)


def row_line(name, results):
    """All servers' figures of one row; medians over the rounds."""
    ours = results["fanfare"]
    line = {"row": name}
    for key in SHOWN + tuple(key for key in ours[0] if key.endswith("_ms")):
        line[key] = round(median(ours, key), 2)
    line["failures"] = sum(result["failures"] for result in ours)
    for other in results:
        if other != "fanfare":
            line[other + "_requests_per_s"] = median(results[other], "requests_per_s")
            line["of_" + other] = round(statistics.median(
                a["requests_per_s"] / b["requests_per_s"] for a, b in zip(ours, results[other])), 2)
            line[other + "_cpu_us_per_request"] = median(results[other], "cpu_us_per_request")
    return line


def row_run(name, servers, limits, rounds, ceilings):
    results = {}
    options = dict(ROWS[name])
    if "pace" in options:
        ceiling, share = options["pace"]
        if ceiling not in ceilings:
            sys.exit("%s needs the row %s before it" % (name, ceiling))
        options["pace"] = round(ceilings[ceiling] * share)
        servers = [server for server in servers if server.name == "fanfare"]
    for _ in range(rounds):
        for server in servers:
            results.setdefault(server.name, []).append(server.run(name, options, limits))
    ours = results["fanfare"]
    ceilings[name] = statistics.median(result["rounds"] / result["seconds"] for result in ours)
    line = row_line(name, results)
    if "pace" in options:
        line["pace"] = options["pace"]
    print(json.dumps(line), flush=True)
    return line["failures"]


def run_rows(arguments):
    limits = {"rounds": 40, "seconds": 600} if arguments.smoke else {"seconds": arguments.seconds}
    names = arguments.rows.split(",") if arguments.rows else list(ROWS)
    processes, failures, ceilings = [], 0, {}
    with tempfile.TemporaryDirectory() as folder, Daemon(data=arguments.data) as daemon:
        servers = [Server("fanfare", daemon.port, daemon.process.pid)]
        try:
            for start, place in ((nginx_start, folder), (fauxqs_start, arguments.fauxqs)):
                process, server = start(place) if place and not arguments.smoke else (None, None)
                if process:
                    processes.append(process)
                    servers.append(server)
            if not arguments.smoke:
                servers[0].warm_up()
            for name in names:
                failures += row_run(name, servers, limits, 1 if arguments.smoke else arguments.rounds, ceilings)
            print(json.dumps(dict(process_status(daemon.process.pid, "VmRSS", "RssAnon", "RssFile"),
                                  row="memory")))
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    return failures


# --- A backlog.

def backlog_state(daemon, what, **more):
    used = sum(os.stat(os.path.join(daemon.data, name)).st_blocks * 512 for name in os.listdir(daemon.data))
    print(json.dumps(dict(row=what, disk_MB=used >> 20, **more,
                          **process_status(daemon.process.pid, "VmRSS", "RssAnon", "RssFile"))), flush=True)


def backlog_receive(server, queue, what):
    """Receives one at a time and deletes: as fast as it goes, then at half of that."""
    fast = client(server.port, "drain", queue=queue, seconds=5)
    slow = client(server.port, "drain", queue=queue, seconds=10, pace=fast["rounds"] / fast["seconds"] / 2)
    print(json.dumps({"row": what, "messages_per_s": fast["messages_per_s"], "receive_p99_ms": fast["receive_p99_ms"],
                      "half_messages_per_s": slow["messages_per_s"], "half_receive_p50_ms": slow["receive_p50_ms"],
                      "half_receive_p99_ms": slow["receive_p99_ms"],
                      "failures": fast["failures"] + slow["failures"]}), flush=True)


def run_backlog(arguments):
    count = 400 if arguments.smoke else arguments.backlog
    with Daemon(data=arguments.data) as daemon:
        backlog_state(daemon, "idle")
        server = Server("fanfare", daemon.port, daemon.process.pid)
        queue = server.queue(False)
        filled = client(server.port, "send", queue=queue, batch=10, bytes=200, seconds=36000, rounds=count // 10)
        backlog_state(daemon, "filled", messages=filled["messages"], messages_per_s=filled["messages_per_s"],
                      send_p99_ms=filled["send_p99_ms"])
        if arguments.smoke:
            return filled["failures"]
        backlog_receive(server, queue, "backlog receive")
        backlog_state(daemon, "received")
        for how, number in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
            began = time.time()
            daemon.process.send_signal(number)
            daemon.process.wait()
            ended = time.time()
            daemon.start(600)
            print(json.dumps({"row": how, "stop_s": round(ended - began, 2),
                              "start_s": round(time.time() - ended, 2)}), flush=True)
            backlog_receive(Server("fanfare", daemon.port, daemon.process.pid), queue, "receive after " + how)
            backlog_state(daemon, "after " + how)
    return filled["failures"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows")
    parser.add_argument("--fauxqs")
    parser.add_argument("--data")
    parser.add_argument("--backlog", type=int)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    failures = 0
    if arguments.backlog or arguments.smoke:
        failures += run_backlog(arguments)
    if not arguments.backlog:
        failures += run_rows(arguments)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
