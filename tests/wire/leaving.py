#!/usr/bin/python3
"""Clients that go while their long poll waits take no message along; a daemon that stops answers them at once."""

import http.client
import json
import shutil
import socket
import sys
import tempfile
import threading
import time

from run_cases import Daemon

POLLS = 20


def call(host, operation, body):
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", "/", json.dumps(body), {"X-Amz-Target": "AmazonSQS." + operation})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, json.loads(text) if text else {}


def poll_and_leave(host, url):
    name, _, port = host.rpartition(":")
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
    with socket.create_connection((name, int(port))) as client:
        client.sendall(("POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
                        "Content-Length: %d\r\n\r\n%s" % (len(body), body)).encode())
        time.sleep(0.02)


def check_gone_clients(host, url):
    for _ in range(POLLS):
        poll_and_leave(host, url)
    time.sleep(0.3)
    assert call(host, "SendMessage", {"QueueUrl": url, "MessageBody": "kept"})[0] == 200
    status, answer = call(host, "ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 10})
    assert status == 200 and [m["Body"] for m in answer["Messages"]] == ["kept"], answer


def check_stop(daemon, url):
    answers = []
    request = {"QueueUrl": url, "WaitTimeSeconds": 20}
    polls = [threading.Thread(target=lambda: answers.append(call(daemon.host, "ReceiveMessage", request)))
             for _ in range(POLLS)]
    for poll in polls:
        poll.start()
    time.sleep(0.5)
    start = time.time()
    code, log = daemon.stop()
    for poll in polls:
        poll.join()
    assert answers == [(200, {})] * POLLS, answers
    assert code == 0 and "Sanitizer" not in log and "runtime error" not in log, (code, log[-8000:])
    assert time.time() - start < 18, "the long polls held up the end"  # they wait for 20


def main():
    data = tempfile.mkdtemp(prefix="fanfare-leaving-")
    daemon = Daemon(sys.argv[1], data)
    try:
        status, answer = call(daemon.host, "CreateQueue", {"QueueName": "q"})
        assert status == 200, answer
        check_gone_clients(daemon.host, answer["QueueUrl"])
        check_stop(daemon, answer["QueueUrl"])
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()
        daemon.log.close()
        shutil.rmtree(data, ignore_errors=True)


main()
