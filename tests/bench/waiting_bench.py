#!/usr/bin/python3
"""Memory with very many deliveries waiting for one dead endpoint.  waiting_bench.py [messages]

Publishes in batches of ten over a few connections; prints one JSON line: the anonymous resident memory before, most on
the way and at the end, and what it takes to publish to another subscriber meanwhile."""

import json
import os
import socket
import sys
import threading
import time
import urllib.parse
import http.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))
from support import Daemon, Endpoint, wait_until  # noqa: E402


def anonymous_mib(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon"))


def publish(port, topic, count):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    entries = {"Action": "PublishBatch", "TopicArn": topic}
    for i in range(1, 11):
        entries["PublishBatchRequestEntries.member.%d.Id" % i] = str(i)
        entries["PublishBatchRequestEntries.member.%d.Message" % i] = "x" * 200
    body = urllib.parse.urlencode(entries)
    for _ in range(count // 10):
        connection.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = "http://127.0.0.1:%d/" % closed.getsockname()[1]
    with Daemon("--set", "log_level=error", "--set", "history_max_age=0") as daemon, Endpoint() as alive:
        sns = daemon.client("sns")
        topic, other = (sns.create_topic(Name=name)["TopicArn"] for name in ("dead", "alive"))
        for arn, url in ((topic, dead), (other, alive.url)):
            sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=url, Attributes={
                "Fanfare.Confirmed": "true", "Fanfare.RetrySchedule": "patient"})
        before, most = anonymous_mib(daemon.process.pid), 0.0
        began = time.time()
        threads = [threading.Thread(target=publish, args=(daemon.port, topic, messages // 4)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            most = max(most, anonymous_mib(daemon.process.pid))
            time.sleep(0.2)
        seconds = time.time() - began
        end = anonymous_mib(daemon.process.pid)
        sent = time.time()
        sns.publish(TopicArn=other, Message="beside")
        wait_until(lambda: alive.requests, "the delivery to the other endpoint")
        beside = time.time() - sent
        daemon.kill()
        began = time.time()
        daemon.start()
        print(json.dumps({"waiting": messages, "published_per_s": round(messages / seconds),
                          "anonymous_mib_before": round(before, 1), "anonymous_mib_most": round(most, 1),
                          "anonymous_mib_end": round(end, 1), "other_endpoint_ms": round(beside * 1000, 1),
                          "restart_ms": round((time.time() - began) * 1000),
                          "anonymous_mib_restarted": round(anonymous_mib(daemon.process.pid), 1)}))


main()
