"""The page of metrics: whole, in the form that Prometheus reads, written in pieces, with and without a line for each object."""

import re
import socket
import tempfile
import time
import urllib.error
import urllib.request

from support import Daemon, main, wait_until

COUNT = 6000
SAMPLE = re.compile(r'^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (-?[0-9.]+)$')


def page(daemon):
    with urllib.request.urlopen(daemon.url + "/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.read().decode()


def families(text):
    """Name to samples; every line must be one that the format knows, every family in one piece with its help and type."""
    assert text.endswith("\n")
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current not in found, "a second time: " + current
            found[current] = []
        elif line.startswith("# TYPE "):
            assert line.split()[2] == current and line.split()[3] in ("counter", "gauge"), line
        else:
            sample = SAMPLE.match(line)
            assert sample and sample.group(1) == current, line
            found[current].append((sample.group(2), float(sample.group(3))))
    return found


def with_queues(*arguments):
    file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
    file.write("queues:\n" + "".join("  - {name: q%d}\n" % i for i in range(COUNT)))
    file.flush()
    daemon = Daemon("--config", file.name, *arguments)
    daemon.file = file  # as long as the daemon
    return daemon


def a_large_page_is_whole_and_written_in_pieces():
    with with_queues() as daemon:
        first, text = families(page(daemon)), page(daemon)
        second = families(text)
        assert first["fanfare_queues"] == second["fanfare_queues"] == [(None, COUNT)]
        for name in ("visible", "in_flight", "delayed", "oldest_seconds"):
            labels = [labels for labels, _ in second["fanfare_queue_" + name]]
            assert len(set(labels)) == len(labels) == COUNT, name
        # The figures stand at the page's beginning: between two of them is one page's work.
        turns = lambda found: found["fanfare_loop_turns_total"][0][1]
        assert turns(second) - turns(first) >= len(text) // 131072 - 1, (turns(first), turns(second), len(text))


def a_page_is_sent_as_it_is_taken():
    """A reader that takes nothing costs 64 KiB, not a page; one that is slow gets it whole; one that leaves is forgotten."""
    with with_queues() as daemon:
        whole = page(daemon)
        sockets = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(6)]
        for client in sockets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536 if client is sockets[0] else 4096)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1)
        held = families(page(daemon))["fanfare_http_held_bytes"][0][1]
        assert held < 6 * 200000 < 6 * len(whole), "pages are not held whole: %d" % held
        for client in sockets[1:]:
            client.close()
        got, client = b"", sockets[0]
        client.settimeout(20)
        while not got.endswith(b"\r\n0\r\n\r\n"):
            part = client.recv(20000)
            assert part, got[-200:]
            got += part
        client.close()
        head, _, rest = got.partition(b"\r\n\r\n")
        assert b"Transfer-Encoding: chunked" in head, head
        body = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]
        assert len(families(body.decode())["fanfare_queue_visible"]) == COUNT
        wait_until(lambda: len(page(daemon)) > 0, "places for readings")


def what_has_a_line_for_each_object_can_be_left_out():
    with with_queues("--set", "metrics_per_object=false") as daemon:
        text = page(daemon)
        found = families(text)
        assert found["fanfare_queues"] == [(None, COUNT)]
        assert not [name for name in found if name.startswith(("fanfare_queue_", "fanfare_subscription_"))]
        assert len(text) < 65536


def a_head_asks_for_no_page():
    with Daemon() as daemon:
        with urllib.request.urlopen(urllib.request.Request(daemon.url + "/metrics", method="HEAD")) as answer:
            assert answer.status == 200 and answer.read() == b""
        try:
            urllib.request.urlopen(urllib.request.Request(daemon.url + "/metrics", method="POST", data=b""))
            raise AssertionError("a POST was answered")
        except urllib.error.HTTPError as error:
            assert error.code == 405


main([a_large_page_is_whole_and_written_in_pieces, a_page_is_sent_as_it_is_taken, what_has_a_line_for_each_object_can_be_left_out, a_head_asks_for_no_page])
