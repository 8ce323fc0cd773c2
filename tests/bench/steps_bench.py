#!/usr/bin/python3
"""Large pieces of work, and what a neighbour feels of them: steps_bench.py [--messages N] [--rows N] [--subscriptions N] [CASE...]

sweep    the end of retention of a million references, whose bodies another queue still has
purge    of a queue with a million references
drain    of a dead endpoint's 200,000 deliveries, once it is alive
parked   a publish to many subscriptions whose endpoints are known to be dead (over the wire; park_bench has a million)

One line of JSON a case: how long it took, the longest turn of the daemon's loop meanwhile, and the latency of a neighbour who sends
to a queue of its own at a fixed pace, before and meanwhile."""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import socket
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))
from support import Daemon, cpu_seconds, wait_until  # noqa: E402
from wire import ARN, SCOPE, Wire  # noqa: E402

PACE, NEIGHBOURS = 200, 10  # sends of the neighbour a second, and its connections
BODY = 200


# --- Raw requests, made once: the client must not be what is measured.

def request(service, kind, headers, body):
    return (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nAuthorization: %s\r\n%sContent-Length: %d\r\n\r\n%s"
            % (kind, (SCOPE % service).encode(), headers, len(body), body))


def form(**parameters):
    return request("sns", b"application/x-www-form-urlencoded", b"", urllib.parse.urlencode(parameters).encode())


def send_of(url):
    return request("sqs", b"application/x-amz-json-1.0", b"X-Amz-Target: AmazonSQS.SendMessage\r\n",
                   json.dumps({"QueueUrl": url, "MessageBody": "x" * BODY}).encode())


def batch_of(topic):
    entries = {"Action": "PublishBatch", "Version": "2010-03-31", "TopicArn": topic}
    for i in range(1, 11):
        entries["PublishBatchRequestEntries.member.%d.Id" % i] = str(i)
        entries["PublishBatchRequestEntries.member.%d.Message" % i] = "x" * BODY
    return form(**entries)


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def ask(self, text):
        self.socket.sendall(text)
        status, length = self.file.readline(), 0
        while True:
            line = self.file.readline()
            if line in (b"\r\n", b""):
                break
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        body = self.file.read(length)
        assert b" 200" in status, (status, body[:300])
        return body


def repeat(port, text, count):
    connection = Connection(port)
    for _ in range(count):
        connection.ask(text)


def publish(daemon, topic, messages):
    """In batches of ten, over four connections."""
    began = time.time()
    workers = [multiprocessing.Process(target=repeat, args=(daemon.port, batch_of(topic), messages // 40)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return round(messages / (time.time() - began))


# --- The neighbour.

def percentile(times, share):
    return round(sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1000, 2) if times else None


def neighbour(port, url, over, pipe):
    """Latency from when a send was due.  Several connections in turns: one slow send is one, and not all that come after it."""
    text, times = send_of(url), []

    def work(number):
        connection, count, began = Connection(port), 0, time.time() + number / PACE
        while not over.is_set():
            due = began + count * NEIGHBOURS / PACE
            time.sleep(max(0, due - time.time()))
            connection.ask(text)
            times.append(time.time() - due)
            count += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(NEIGHBOURS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send({"sends": len(times), "p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99), "max_ms": percentile(times, 1)})


class Watch:
    """From its making until told: the neighbour, and the loop's longest turn."""

    def __init__(self, daemon, wire, url):
        self.wire, self.daemon, self.longest, self.busy = wire, daemon, 0.0, wire.metric("fanfare_loop_busy_seconds_total")
        self.over, (self.pipe, end) = multiprocessing.Event(), multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(target=neighbour, args=(daemon.port, url, self.over, end))
        self.process.start()
        self.began = time.time()

    def look(self):
        self.longest = max(self.longest, self.wire.metric("fanfare_loop_turn_seconds_max"))

    def end(self):
        seconds = time.time() - self.began
        self.look()
        self.over.set()
        told = self.pipe.recv()
        self.process.join()
        busy = self.wire.metric("fanfare_loop_busy_seconds_total") - self.busy
        return dict({"seconds": round(seconds, 2), "longest_turn_ms": round(self.longest * 1000, 2), "busy_share": round(busy / seconds, 2)},
                    **{"neighbour_" + name: value for name, value in told.items()})


class Bench:
    """A daemon, and a neighbour's figures before anything happens."""

    def __init__(self, daemon):
        self.daemon, self.wire = daemon, Wire(daemon, 600)
        self.url = self.wire.make_queue("neighbour")
        quiet = self.watch()
        time.sleep(3)
        self.before = quiet.end()

    def watch(self):
        return Watch(self.daemon, self.wire, self.url)

    def cpu(self, seconds):
        before = cpu_seconds(self.daemon.process)
        time.sleep(seconds)
        return (cpu_seconds(self.daemon.process) - before) / seconds

    def until_calm(self, watch, neighbour_cpu, most=900):
        """The work is over when the daemon's processor time is that of the neighbour alone; tells when the work ended, roughly."""
        end = time.time() + most
        while time.time() < end:
            began = time.time()
            used = self.cpu(1)
            watch.look()
            if used < neighbour_cpu * 1.5 + 0.02:
                return began
        raise AssertionError("it never came to rest")

    def neighbour_cpu(self):
        watch = self.watch()
        used = self.cpu(3)
        watch.end()
        return used


def show(case, bench, figures, **more):
    told = {"case": case, **more, **figures}
    told.update({"alone_" + name: bench.before["neighbour_" + name] for name in ("p50_ms", "p99_ms", "max_ms")})
    print(json.dumps(told), flush=True)


def two_queues(bench, brief_retention):
    topic = bench.wire.make_topic("topic")
    urls = [bench.wire.make_queue("brief", MessageRetentionPeriod=brief_retention), bench.wire.make_queue("long")]
    for name in ("brief", "long"):
        bench.wire.subscribe(topic, "sqs", ARN % ("sqs", name), RawMessageDelivery="true")
    return topic, urls


def cold(*more):
    return Daemon("--set", "log_level=error", "--set", "history_max_age=0", "--set", "idle_timeout=1h", *more)


def sweep(arguments):
    with cold() as daemon:
        bench = Bench(daemon)
        topic, (brief, _) = two_queues(bench, "3600")
        rate = publish(daemon, topic, arguments.messages)
        time.sleep(61)
        watch = bench.watch()
        bench.wire.sqs("SetQueueAttributes", QueueUrl=brief, Attributes={"MessageRetentionPeriod": "60"})
        while bench.wire.counts(brief)[0] > 0:
            time.sleep(0.5)
            watch.look()
        show("sweep", bench, watch.end(), messages=arguments.messages, published_per_s=rate)


def purge(arguments):
    with cold() as daemon:
        bench = Bench(daemon)
        topic, (brief, _) = two_queues(bench, "3600")
        rate = publish(daemon, topic, arguments.messages)
        time.sleep(5)
        alone = bench.neighbour_cpu()
        watch = bench.watch()
        began = time.time()
        bench.wire.sqs("PurgeQueue", QueueUrl=brief)
        answered = time.time() - began
        ended = bench.until_calm(watch, alone)
        show("purge", bench, watch.end(), messages=arguments.messages, published_per_s=rate, answered_ms=round(answered * 1000, 1),
             reclaimed_s=round(ended - began, 1))


class Sink(asyncio.Protocol):
    """Takes everything with 200 and counts."""

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while True:
            end = self.rest.find(b"\r\n\r\n")
            at = self.rest.lower().find(b"content-length: ")
            if end < 0 or at < 0:
                return
            length = int(self.rest[at + 16:self.rest.find(b"\r\n", at)])
            if len(self.rest) < end + 4 + length:
                return
            self.rest = self.rest[end + 4 + length:]
            with Sink.count.get_lock():
                Sink.count.value += 1
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def sink(port, count):
    async def serve():
        Sink.count = count
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    asyncio.run(serve())


def drain(arguments):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with cold() as daemon:
        bench = Bench(daemon)
        topic = bench.wire.make_topic("topic")
        bench.wire.subscribe(topic, "http", "http://127.0.0.1:%d/" % port, **{
            "Fanfare.Confirmed": "true", "Fanfare.RetrySchedule": "patient", "RawMessageDelivery": "true"})
        rate = publish(daemon, topic, arguments.rows)
        count = multiprocessing.Value("q", 0)
        endpoint = multiprocessing.Process(target=sink, args=(port, count))
        endpoint.start()
        try:
            wait_until(lambda: count.value > 0, "the first delivery", 600, 0.01)
            watch = bench.watch()
            while count.value < arguments.rows:
                time.sleep(0.25)
                watch.look()
                assert time.time() - watch.began < 900, "only %d came" % count.value
            figures = watch.end()
            show("drain", bench, figures, rows=arguments.rows, published_per_s=rate, per_s=round(arguments.rows / figures["seconds"]))
        finally:
            endpoint.kill()


def subscribe_some(port, topic, first, count, endpoint):
    connection = Connection(port)
    for i in range(first, first + count):
        connection.ask(form(**{"Action": "Subscribe", "Version": "2010-03-31", "TopicArn": topic, "Protocol": "http", "Endpoint": "%s%d" % (endpoint, i),
                               "Attributes.entry.1.key": "Fanfare.Confirmed", "Attributes.entry.1.value": "true",
                               "Attributes.entry.2.key": "Fanfare.RetrySchedule", "Attributes.entry.2.value": "patient"}))


def parked(arguments):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = "http://127.0.0.1:%d/" % closed.getsockname()[1]
    with cold("--set", "subscriptions_per_topic=12500000", "--set", "breaker_attempts_min=1") as daemon:
        bench = Bench(daemon)
        topic, each = bench.wire.make_topic("topic"), arguments.subscriptions // 4
        workers = [multiprocessing.Process(target=subscribe_some, args=(daemon.port, topic, i * each, each, dead)) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for number in range(3):  # the first ones teach the breakers
            alone = bench.neighbour_cpu() if number == 0 else alone
            watch = bench.watch()
            bench.wire.sns("Publish", TopicArn=topic, Message="to everybody")
            ended = bench.until_calm(watch, alone + (0.3 if number else 0))
            figures = watch.end()
            show("parked", bench, figures, subscriptions=4 * each, publish=number + 1, breakers_open=bench.wire.metric("fanfare_breakers_open"),
                 rest_after_s=round(ended - watch.began, 1))


CASES = {"sweep": sweep, "purge": purge, "drain": drain, "parked": parked}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=1000000)
    parser.add_argument("--rows", type=int, default=200000)
    parser.add_argument("--subscriptions", type=int, default=100000)
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in arguments.cases or CASES:
        CASES[name](arguments)


if __name__ == "__main__":
    main()
