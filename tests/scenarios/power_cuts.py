"""Power cuts under the daemon: its writes and syncs are recorded while clients send, receive and delete and while it is killed;
then its directory is made as the disk may have it at many moments, and a daemon that starts there must have all that was
answered before: queues, messages, deletions.  power_cuts.py [cuts] [seed]"""

import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from support import Daemon, main, wait_until

CUTS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
RECORDER, TOOL = os.environ["POWER_RECORDER"], os.environ["POWER_CUT"]
MARK = 9  # tests/support/power_events.h
LIVES, MESSAGES = 4, 120
HEADERS = {"Content-Type": "application/x-amz-json-1.0",
           "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"}


def ask(daemon, operation, **body):
    request = urllib.request.Request(daemon.url, data=json.dumps(body).encode(),
                                     headers=dict(HEADERS, **{"X-Amz-Target": "AmazonSQS." + operation}))
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"{}")


def url_of(daemon, name):
    return "%s/000000000000/%s" % (daemon.url, name)


class Journal:
    def __init__(self, folder):
        self.path = os.path.join(folder, "journal")

    def mark(self, *words):
        """One write behind the others: what was answered before it is in the journal before it."""
        text = " ".join(words).encode()
        with open(self.path, "ab", buffering=0) as file:
            file.write(struct.pack("=IIQ48s", MARK, len(text), 0, b"") + text + bytes(-len(text) % 8))


def work(daemon, journal, name, life, chance):
    """A client: what is answered is marked; what is only asked for is marked before."""
    try:
        ask(daemon, "CreateQueue", QueueName=name)
        journal.mark("queue", name)
        for number in range(MESSAGES):
            text = "%s-%d-%d" % (name, life, number)
            ask(daemon, "SendMessage", QueueUrl=url_of(daemon, name), MessageBody=text + "." * chance.choice((0, 10, 5000)))
            journal.mark("sent", name, text)
            if number % 3 == 2:
                for message in ask(daemon, "ReceiveMessage", QueueUrl=url_of(daemon, name), VisibilityTimeout=1).get("Messages", []):
                    took = message["Body"].rstrip(".")
                    journal.mark("deleting", name, took)
                    ask(daemon, "DeleteMessage", QueueUrl=url_of(daemon, name), ReceiptHandle=message["ReceiptHandle"])
                    journal.mark("deleted", name, took)
    except (OSError, urllib.error.HTTPError):
        pass  # the daemon was killed


def live(data, journal, life, chance):
    environment = {"LD_PRELOAD": RECORDER, "POWER_DIRECTORY": data, "POWER_JOURNAL": journal.path}
    daemon = Daemon(data=data, environment=environment).start()
    seeds = [chance.random() for _ in range(3)]
    threads = [threading.Thread(target=work, args=(daemon, journal, "q%d" % i, life, random.Random(seeds[i]))) for i in range(3)]
    for thread in threads:
        thread.start()
    if life % 2 == 0:
        time.sleep(chance.uniform(0.1, 1.5))
        daemon.kill()
    for thread in threads:
        thread.join()
    daemon.close()


def contents(daemon, name):
    """All that the queue has, received and deleted."""
    got = set()

    def is_empty():
        while True:
            messages = ask(daemon, "ReceiveMessage", QueueUrl=url_of(daemon, name), MaxNumberOfMessages=10).get("Messages", [])
            got.update(message["Body"].rstrip(".") for message in messages)
            for message in messages:
                ask(daemon, "DeleteMessage", QueueUrl=url_of(daemon, name), ReceiptHandle=message["ReceiptHandle"])
            if not messages:
                break
        counts = ask(daemon, "GetQueueAttributes", QueueUrl=url_of(daemon, name), AttributeNames=["All"])["Attributes"]
        return counts["ApproximateNumberOfMessages"] == "0" and counts["ApproximateNumberOfMessagesNotVisible"] == "0"

    wait_until(is_empty, "an empty queue", 30, 0.1)
    return got


def book_of(marks):
    book = {"queue": set(), "sent": set(), "deleting": set(), "deleted": set()}
    for line in marks.splitlines():
        kind, *words = line.split(" ")
        book[kind].add(tuple(words))
    return book


def try_cut(journal, events, seed):
    data = tempfile.mkdtemp(prefix="fanfare-test-")
    try:
        told = subprocess.run([TOOL, journal.path, str(events), str(seed), data], check=True, capture_output=True, text=True).stdout
        book = book_of(told)
        daemon = Daemon(data=data).start()
        try:
            for (name,) in book["queue"]:
                got = {(name, text) for text in contents(daemon, name)}
                sent = {words for words in book["sent"] if words[0] == name}
                assert sent - book["deleting"] <= got, ("lost", events, seed, sorted(sent - book["deleting"] - got)[:5])
                assert not got & book["deleted"], ("came back", events, seed, sorted(got & book["deleted"])[:5])
        finally:
            daemon.close()
    finally:
        shutil.rmtree(data, ignore_errors=True)


def what_was_answered_survives_power_cuts():
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        journal, data = Journal(folder), os.path.join(folder, "data")
        for life in range(LIVES):
            live(data, journal, life, chance)
        events = int(subprocess.run([TOOL, journal.path], check=True, capture_output=True, text=True).stdout)
        for _ in range(CUTS):
            try_cut(journal, chance.randint(events // 20, events), chance.randrange(1 << 32))
        print("%d cuts in %d events of %d lives, seed %d" % (CUTS, events, LIVES, SEED))


sys.argv[1:] = []
main([what_was_answered_survives_power_cuts])
