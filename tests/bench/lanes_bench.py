#!/usr/bin/python3
"""What bad endpoints cost the good ones: 1,000 subscriptions of one topic, of which 100 hang and 100 refuse, beside
the same 800 good ones alone, in turns in one run.  lanes_bench.py [rounds] [seconds a turn] [publishes/s] [slices]

A publish goes to one slice of the subscriptions (by filter policies); 1: each goes to all.  Each turn has a daemon of its own; latency is from Publish's call to the arrival at the endpoint.
One JSON line a turn, then the shift of the p99: of all, and of what was published after the first quarter of the turn, when the connections
are open and the breakers, too."""

import asyncio
import json
import os
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))
from support import Daemon, cpu_seconds  # noqa: E402

GOOD, HANGING, REFUSING = 800, 100, 100


class Sink(asyncio.Protocol):
    """Answers each request with 200 and notes when it came: the body is the time of its publish."""

    arrivals = []

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while True:
            end = self.rest.find(b"\r\n\r\n")
            if end < 0:
                return
            at = self.rest.lower().find(b"content-length: ")
            length = int(self.rest[at + 16:self.rest.find(b"\r\n", at)])
            if len(self.rest) < end + 4 + length:
                return
            now = time.time()
            sent = float(self.rest[end + 4:end + 4 + length])
            self.rest = self.rest[end + 4 + length:]
            self.arrivals.append((sent, now - sent))
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Hang(asyncio.Protocol):
    pass


HOSTS = ["127.0.4.%d" % (1 + i) for i in range(200)]


async def publish(port, topic, seconds, rate, slices):
    """One connection, at a fixed rate whatever the answers take."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began, count = time.time(), 0
    while time.time() - began < seconds:
        await asyncio.sleep(max(0.0, began + count / rate - time.time()))
        body = b"Action=Publish&TopicArn=%s&Message=%r" % (topic.encode(), time.time())
        body += (b"&MessageAttributes.entry.1.Name=slice&MessageAttributes.entry.1.Value.DataType=String"
                 b"&MessageAttributes.entry.1.Value.StringValue=%d" % (count % slices))
        writer.write(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0], head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        count += 1
    writer.close()
    return count


async def turn(with_bad, seconds, rate, slices):
    loop = asyncio.get_running_loop()
    with socket.create_server((HOSTS[0], 0)) as probe:
        port = probe.getsockname()[1]
    sink = await loop.create_server(Sink, HOSTS, port, backlog=2048)
    hang = await loop.create_server(Hang, "127.0.0.1", 0, backlog=2048)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused = closed.getsockname()[1]
    hang_port = hang.sockets[0].getsockname()[1]
    with Daemon("--set", "log_level=error") as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="all")["TopicArn"]
        good = bad = 0
        for i in range(GOOD + HANGING + REFUSING):  # the bad ones in between
            kind = i % 10
            if kind < 8:
                url, good = "http://%s:%d/%d" % (HOSTS[good % len(HOSTS)], port, good), good + 1
            elif not with_bad:
                continue
            else:
                url, bad = "http://127.0.0.1:%d/%d" % (hang_port if kind == 8 else refused, i), bad + 1
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url,
                          Attributes={"Fanfare.Confirmed": "true", "RawMessageDelivery": "true",
                                      "FilterPolicy": json.dumps({"slice": [str(i // 10 % slices)]})})
        Sink.arrivals = []
        before, began = cpu_seconds(daemon.process), time.time()
        count = await publish(daemon.port, topic, seconds, rate, slices)
        wanted = count * GOOD // slices
        deadline = time.time() + 60
        while len(Sink.arrivals) < wanted and time.time() < deadline:
            await asyncio.sleep(0.1)
        times = sorted(latency for _, latency in Sink.arrivals)
        settled = sorted(latency for sent, latency in Sink.arrivals if sent >= began + seconds / 4)
        figures = {"bad": bad, "publishes": count, "missing": max(0, wanted - len(times)),
                   "p50_ms": round(times[len(times) // 2] * 1000, 2),
                   "p99_ms": round(times[len(times) * 99 // 100] * 1000, 2), "max_ms": round(times[-1] * 1000, 2),
                   "settled_p50_ms": round(settled[len(settled) // 2] * 1000, 2), "settled_p99_ms": round(settled[len(settled) * 99 // 100] * 1000, 2),
                   "cpu_s": round(cpu_seconds(daemon.process) - before, 2)}
        daemon.process.kill()
    sink.close()
    hang.close()
    print(json.dumps(figures), flush=True)
    return figures


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 30
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    slices = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    found = {False: [], True: []}
    for at in range(rounds * 2):
        with_bad = at % 4 in (1, 2)  # alone, beside, beside, alone
        found[with_bad].append(asyncio.run(turn(with_bad, seconds, rate, slices)))
    for name in ("p99_ms", "settled_p99_ms"):
        alone, beside = (statistics.median(figures[name] for figures in found[with_bad]) for with_bad in (False, True))
        print(json.dumps({"figure": name, "alone": alone, "beside_bad": beside, "shift_percent": round((beside / alone - 1) * 100, 1)}))


main()
