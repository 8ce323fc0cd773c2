"""A flood of each kind beside a client that only wants its work done: all of its calls succeed, and the daemon stays small.
Prints the client's p99 and the daemon's memory for each; how fast is not asserted, for the machine may be busy.
floods.py [seconds of each]"""

import contextlib
import socket
import struct
import sys
import threading
import time
import urllib.request

from support import Daemon, main, make_queue, resident_mib

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3
MEMORY_MIB = 256
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def connect(daemon):
    client = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value, indexed=False):
    """A header field, as HPACK writes it in full."""
    def text(raw):
        return bytes([len(raw)]) + raw if len(raw) < 127 else b"\x7f" + variable(len(raw) - 127) + raw

    def variable(rest):
        out = b""
        while rest >= 128:
            out, rest = out + bytes([rest % 128 + 128]), rest // 128
        return out + bytes([rest])
    return (b"\x40" if indexed else b"\x00") + text(name) + text(value)


HEAD = literal(b":method", b"GET") + literal(b":path", b"/_fanfare/health") + literal(b":scheme", b"http") + literal(b":authority", b"localhost")


# Each takes a connected socket's place over and over until told to stop.

def slow_bodies(daemon, over):
    """Much is announced, half of it comes, and then nothing."""
    with contextlib.ExitStack() as stack:
        clients = []
        while not over():
            if len(clients) < 100:
                client = stack.enter_context(contextlib.closing(connect(daemon)))
                client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                               b"Content-Length: 8000000\r\n\r\n")
                with contextlib.suppress(OSError):
                    client.sendall(b"x" * 4000000)
                clients.append(client)
            else:
                time.sleep(0.05)


def header_bombs(daemon, over):
    bomb = HEAD + literal(b"x-bomb", b"x" * 700, indexed=True) + b"\xbe" * 10000
    while not over():
        with contextlib.suppress(OSError), contextlib.closing(connect(daemon)) as client:
            client.sendall(PREFACE + frame(4, 0, 0))
            for stream in range(1, 400, 2):
                client.sendall(frame(1, 5, stream, bomb))


def pings(daemon, over):
    while not over():
        with contextlib.suppress(OSError), contextlib.closing(connect(daemon)) as client:
            client.sendall(PREFACE + frame(4, 0, 0))
            while not over():
                client.sendall(frame(6, 0, 0, b"12345678") * 200)
                client.recv(65536)


def rapid_resets(daemon, over):
    while not over():
        with contextlib.suppress(OSError), contextlib.closing(connect(daemon)) as client:
            client.sendall(PREFACE + frame(4, 0, 0))
            for stream in range(1, 4000, 2):
                client.sendall(frame(1, 5, stream, HEAD) + frame(3, 0, stream, struct.pack(">I", 8)))


def answers_not_read(daemon, over):
    """Large answers are asked for and left where they are: over both protocols."""
    metrics = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ask = literal(b":method", b"GET") + literal(b":path", b"/metrics") + literal(b":scheme", b"http") + literal(b":authority", b"localhost")
    with contextlib.ExitStack() as stack:
        count = 0
        while not over():
            if count < 200:
                client = stack.enter_context(contextlib.closing(connect(daemon)))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                with contextlib.suppress(OSError):
                    if count % 2 == 0:
                        client.sendall(metrics * 50)
                    else:
                        client.sendall(PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, 0)))
                        for stream in range(1, 100, 2):
                            client.sendall(frame(1, 5, stream, ask))
                count += 1
            else:
                time.sleep(0.05)


def idle_connections(daemon, over):
    """As many as there may be, and more; the daemon's limit is low here."""
    with contextlib.ExitStack() as stack:
        count = 0
        while not over():
            if count < 600:
                with contextlib.suppress(OSError):
                    stack.enter_context(contextlib.closing(connect(daemon)))
                count += 1
            else:
                time.sleep(0.05)


def long_polls(daemon, over):
    poll = (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n")
    body = b"Action=ReceiveMessage&Version=2012-11-05&WaitTimeSeconds=20&QueueUrl=http%3A%2F%2Flocalhost%2F000000000000%2Fempty"
    with contextlib.ExitStack() as stack:
        count = 0
        while not over():
            if count < 2000:
                client = stack.enter_context(contextlib.closing(connect(daemon)))
                with contextlib.suppress(OSError):
                    client.sendall(poll % len(body) + body)
                count += 1
            else:
                time.sleep(0.05)


def work(sqs, url, times, count):
    """One customer: sends, receives, deletes."""
    for _ in range(count):
        began = time.time()
        sqs.send_message(QueueUrl=url, MessageBody="work")
        times.append(time.time() - began)


def beside(flood, *arguments, threads=3):
    with Daemon(*arguments) as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "work")
        make_queue(sqs, "empty")
        for i in range(300):  # lines for /metrics
            sqs.create_queue(QueueName="q%d" % i)
        end = [False]
        attackers = [threading.Thread(target=flood, args=(daemon, lambda: end[0]), daemon=True) for _ in range(threads)]
        for attacker in attackers:
            attacker.start()
        times, most, until = [], 0, time.time() + SECONDS
        try:
            while time.time() < until:
                work(sqs, url, times, 10)
                most = max(most, resident_mib(daemon.process))
            with urllib.request.urlopen(daemon.url + "/_fanfare/health", timeout=10) as answer:
                assert answer.status == 200
        finally:
            end[0] = True
        for attacker in attackers:
            attacker.join(timeout=30)
        times.sort()
        print("%-18s %5d calls, p50 %5.1f ms, p99 %6.1f ms, at most %5.1f MiB" % (
            flood.__name__, len(times), 1000 * times[len(times) // 2], 1000 * times[int(len(times) * 0.99)], most))
        assert times and most < MEMORY_MIB, most


def of_slow_bodies():
    beside(slow_bodies)


def of_header_bombs():
    beside(header_bombs)


def of_pings():
    beside(pings)


def of_rapid_resets():
    beside(rapid_resets)


def of_answers_that_nobody_reads():
    beside(answers_not_read)


def of_idle_connections():
    beside(idle_connections, "--set", "connections_max=500")


def of_long_polls():
    beside(long_polls)


main([of_slow_bodies, of_header_bombs, of_pings, of_rapid_resets, of_answers_that_nobody_reads, of_idle_connections, of_long_polls])
