"""kill -9 amid sends, receives, deletes and move tasks: nothing acknowledged is lost, nothing whose delete was acknowledged
comes back, FIFO keeps its order, a move task goes on after the restart, and the counters end at nothing.
queue_crash.py [rounds] [seed]"""

import json
import random
import sys
import threading
import time
import urllib.error

import botocore.exceptions

from support import Daemon, drain, make_queue, sqs_json, wait_until

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
LOST = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
VISIBILITY, MAX_RECEIVES, GROUPS = 4, 3, 5


class Facts:
    """What the clients know of one queue's messages, by body."""

    def __init__(self):
        self.accepted = set()
        self.tried = set()    # perhaps deleted
        self.deleted = {}     # acknowledged, when
        self.wrong = []

    def took(self, body, asked_at):
        if self.deleted.get(body, asked_at) < asked_at:
            self.wrong.append("%s came back after its deletion" % body)


class Worker(threading.Thread):
    def __init__(self, daemon, seed):
        super().__init__(daemon=True)
        self.client, self.chance, self.is_over = daemon.client("sqs"), random.Random(seed), False
        self.start()

    def run(self):
        while not self.is_over:
            try:
                self.turn()
            except LOST:
                time.sleep(0.01)


class Sender(Worker):
    def __init__(self, daemon, seed, url, facts, label):
        self.url, self.facts, self.label, self.count = url, facts, label, 0
        super().__init__(daemon, seed)

    def turn(self):
        bodies = ["%s-%d" % (self.label, self.count + i) for i in range(self.chance.choice((1, 1, 10)))]
        self.count += len(bodies)
        delay = self.chance.choice((0, 0, 0, 1))
        if len(bodies) == 1:
            self.client.send_message(QueueUrl=self.url, MessageBody=bodies[0], DelaySeconds=delay)
        else:
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=[
                {"Id": str(i), "MessageBody": body, "DelaySeconds": delay} for i, body in enumerate(bodies)])
            assert len(answer["Successful"]) == len(bodies), answer
        self.facts.accepted.update(bodies)


class FifoSender(Worker):
    """One at a time and again until it is answered: what is sent twice within five minutes is one message."""

    def __init__(self, daemon, seed, url, facts, numbers):
        self.url, self.facts, self.numbers = url, facts, numbers
        super().__init__(daemon, seed)

    def turn(self):
        number = self.numbers[0]
        body = "g%d:%d" % (number % GROUPS, number)
        self.client.send_message(QueueUrl=self.url, MessageBody=body, MessageGroupId=body.split(":")[0],
                                 MessageDeduplicationId=str(number))
        self.facts.accepted.add(body)
        self.numbers[0] += 1


class Consumer(Worker):
    def __init__(self, daemon, seed, url, facts, is_fifo=False):
        self.url, self.facts, self.is_fifo = url, facts, is_fifo
        super().__init__(daemon, seed)

    def order(self, bodies):
        """Whatever is older in its group must be over, or stand before it in the same answer."""
        for i, body in enumerate(bodies):
            group, number = body.split(":")
            for older in range(int(number) % GROUPS, int(number), GROUPS):
                name = "%s:%d" % (group, older)
                if name in self.facts.accepted and name not in self.facts.tried and name not in bodies[:i]:
                    self.facts.wrong.append("%s came before %s" % (body, name))

    def turn(self):
        asked_at = time.monotonic()
        got = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=VISIBILITY,
                                          WaitTimeSeconds=1).get("Messages", [])
        for message in got:
            self.facts.took(message["Body"], asked_at)
        if self.is_fifo:
            self.order([message["Body"] for message in got])
        for message in got:
            fate = self.chance.random()
            if fate < 0.7:
                self.delete(message, asked_at)
            elif fate < 0.85:
                self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)

    def delete(self, message, asked_at):
        self.facts.tried.add(message["Body"])
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        now = time.monotonic()
        if now - asked_at < VISIBILITY / 2:  # an older handle's deletion may rightly do nothing
            self.facts.deleted[message["Body"]] = now


class Mover(Worker):
    """Brings back what died, by one move task after the other."""

    def __init__(self, daemon, seed, arn, started):
        self.daemon_, self.arn, self.started = daemon, arn, started
        super().__init__(daemon, seed)

    def turn(self):
        try:
            more = self.chance.choice(({}, {"MaxNumberOfMessagesPerSecond": 20}))
            self.started.append(sqs_json(self.daemon_, "StartMessageMoveTask", SourceArn=self.arn, **more)["TaskHandle"])
        except (urllib.error.URLError, OSError, ValueError):
            pass
        time.sleep(0.2)


def tasks(daemon, arn):
    return sqs_json(daemon, "ListMessageMoveTasks", SourceArn=arn, MaxResults=10).get("Results", [])


def a_move_task_goes_on(daemon, dead, dead_arn):
    """A slow one, killed on its way: the same task, further on."""
    sqs = daemon.client("sqs")
    before = {m["Body"] for m in drain(sqs, dead, 1, seconds=1, delete=False)}
    for i in range(30):
        sqs.send_message(QueueUrl=dead, MessageBody="moved-%d" % i)
    target, target_arn = make_queue(sqs, "target")
    handle = sqs_json(daemon, "StartMessageMoveTask", SourceArn=dead_arn, DestinationArn=target_arn, MaxNumberOfMessagesPerSecond=10)["TaskHandle"]
    wait_until(lambda: tasks(daemon, dead_arn)[0]["ApproximateNumberOfMessagesMoved"] >= 5, "the first to be moved")
    moved = tasks(daemon, dead_arn)[0]["ApproximateNumberOfMessagesMoved"]
    daemon.kill()
    daemon.start()
    now = tasks(daemon, dead_arn)[0]
    assert now["Status"] == "RUNNING" and now["TaskHandle"] == handle, now
    assert now["ApproximateNumberOfMessagesMoved"] >= moved - 10, (now, moved)
    wait_until(lambda: tasks(daemon, dead_arn)[0]["Status"] == "COMPLETED", "the task's end", 60, 0.2)
    got = [m["Body"] for m in drain(daemon.client("sqs"), target, 30 + len(before), seconds=10)]
    assert sorted(b for b in got if b.startswith("moved")) == sorted("moved-%d" % i for i in range(30)), got


def left(daemon, url):
    got = daemon.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(got["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible", "Delayed"))


def end(daemon, facts, urls):
    """Everything that is left comes out, once, and the counters say so."""
    found = set()
    for url in urls:
        sqs = daemon.client("sqs")
        deadline = time.time() + 60
        while left(daemon, url) > 0:
            assert time.time() < deadline, "%d are left in %s, and do not come" % (left(daemon, url), url)
            for _ in range(100):
                asked_at = time.monotonic()
                got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=60).get("Messages", [])
                if not got:
                    break
                deadline = time.time() + 60
                for message in got:
                    facts.took(message["Body"], asked_at)
                    found.add(message["Body"])
                sqs.delete_message_batch(QueueUrl=url, Entries=[
                    {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(got)])
    lost = facts.accepted - facts.tried - found
    assert not lost, "lost %d, as %s" % (len(lost), sorted(lost)[:5])
    assert not facts.wrong, facts.wrong[:5]


def main():
    chance = random.Random(SEED)
    print("seed %d, %d rounds" % (SEED, ROUNDS), flush=True)
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        dead, dead_arn = make_queue(sqs, "dead", MessageRetentionPeriod="1209600")
        url, _ = make_queue(sqs, "work", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES}))
        fifo, _ = make_queue(sqs, "work.fifo", FifoQueue="true")
        facts, ordered, numbers, started = Facts(), Facts(), [0], []
        for round_number in range(ROUNDS):
            seeds = iter(range(chance.randrange(1 << 30), 1 << 62))
            workers = [Sender(daemon, next(seeds), url, facts, "%d-%d" % (round_number, i)) for i in range(2)]
            workers += [Consumer(daemon, next(seeds), url, facts) for _ in range(2)]
            workers += [FifoSender(daemon, next(seeds), fifo, ordered, numbers), Consumer(daemon, next(seeds), fifo, ordered, True)]
            workers += [Mover(daemon, next(seeds), dead_arn, started)]
            time.sleep(chance.uniform(0.05, 1.0))
            daemon.kill()
            for worker in workers:
                worker.is_over = True
            for worker in workers:
                worker.join(30)
            daemon.start()
        assert len(facts.accepted) > ROUNDS and len(ordered.accepted) > ROUNDS and facts.deleted and ordered.deleted
        wait_until(lambda: all(t["Status"] != "RUNNING" for t in tasks(daemon, dead_arn)), "the last move task", 120, 0.5)
        print("%d and %d (FIFO) sends, %d and %d deletes acknowledged; %d move tasks started" % (
            len(facts.accepted), len(ordered.accepted), len(facts.deleted), len(ordered.deleted), len(started)), flush=True)
        end(daemon, ordered, [fifo])
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1000})})
        end(daemon, facts, [url, dead])
        a_move_task_goes_on(daemon, dead, dead_arn)
    print("ok")


main()
