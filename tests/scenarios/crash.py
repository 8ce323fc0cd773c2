"""kill -9 at random moments under load: what was answered 200 reaches everybody, nothing comes back deleted.
crash.py [rounds] [seed]"""

import json
import random
import sys
import threading
import time

import botocore.exceptions

from support import Daemon, Endpoint, make_queue, subscribe, wait_until

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
KINDS = ("a", "b", "c")
FAST = json.dumps({"healthyRetryPolicy": {"numRetries": 100, "minDelayTarget": 1, "maxDelayTarget": 1}})


class Publisher(threading.Thread):
    """Publishes until told to stop; remembers what was answered 200."""

    def __init__(self, daemon, topic, name, accepted):
        super().__init__(daemon=True)
        self.client = daemon.client("sns")
        self.topic, self.label, self.accepted = topic, name, accepted
        self.is_over = False

    def run(self):
        count = 0
        while not self.is_over:
            kind = KINDS[count % len(KINDS)]
            body = json.dumps({"id": "%s-%d" % (self.label, count), "kind": kind})
            count += 1
            try:
                self.client.publish(TopicArn=self.topic, Message=body)
                self.accepted.append((body, kind))
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                time.sleep(0.01)


class Consumer(threading.Thread):
    """Receives and deletes; remembers what came and whose deletion was answered 200."""

    def __init__(self, daemon, url, received, deleted):
        super().__init__(daemon=True)
        self.client = daemon.client("sqs")
        self.url, self.received, self.deleted = url, received, deleted
        self.is_over = False
        self.back = []

    def run(self):
        while not self.is_over:
            try:
                got = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10,
                                                  VisibilityTimeout=5)
                for message in got.get("Messages", []):
                    if message["MessageId"] in self.deleted:
                        self.back.append(message["Body"])
                    self.received.add(message["Body"])
                    self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                    self.deleted.add(message["MessageId"])
                if "Messages" not in got:
                    time.sleep(0.02)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                time.sleep(0.01)


def main():
    chance = random.Random(SEED)
    print("seed %d, %d rounds" % (SEED, ROUNDS), flush=True)
    with Daemon() as daemon, Endpoint() as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="crash")["TopicArn"]
        url, arn = make_queue(sqs, "crash-a")
        kept_url, kept_arn = make_queue(sqs, "crash-all")
        subscribe(sns, topic, "sqs", arn, RawMessageDelivery="true", FilterPolicyScope="MessageBody",
                  FilterPolicy=json.dumps({"kind": ["a"]}))
        subscribe(sns, topic, "sqs", kept_arn, RawMessageDelivery="true")
        subscribe(sns, topic, "http", hook.url, RawMessageDelivery="true", FilterPolicyScope="MessageBody",
                  FilterPolicy=json.dumps({"kind": [{"anything-but": "a"}]}), DeliveryPolicy=FAST)
        accepted, received, deleted, back = [], set(), set(), []
        for round_number in range(ROUNDS):
            workers = [Publisher(daemon, topic, "%d-%d" % (round_number, i), accepted) for i in range(3)]
            workers.append(Consumer(daemon, url, received, deleted))
            for worker in workers:
                worker.start()
            time.sleep(chance.uniform(0.05, 0.8))
            daemon.kill()
            for worker in workers:
                worker.is_over = True
            for worker in workers:
                worker.join(20)
            back += workers[-1].back
            daemon.start()
        assert not back, "deleted and came back: %s" % back[:5]
        print("%d publishes were answered 200" % len(accepted), flush=True)
        assert len(accepted) > ROUNDS, "hardly anything was published"
        consumer = Consumer(daemon, url, received, deleted)
        kept, kept_deleted = set(), set()
        keeper = Consumer(daemon, kept_url, kept, kept_deleted)
        consumer.start()
        keeper.start()
        wanted = {kind: {body for body, k in accepted if k == kind} for kind in KINDS}
        everything = wanted["a"] | wanted["b"] | wanted["c"]
        hooked = wanted["b"] | wanted["c"]
        wait_until(lambda: wanted["a"] <= received, "the filtered queue's messages", 120, 0.5)
        wait_until(lambda: everything <= kept, "the other queue's messages", 240, 0.5)
        wait_until(lambda: hooked <= {body.decode() for body in hook.bodies()}, "the webhook's messages", 120, 0.5)
        consumer.is_over = keeper.is_over = True
        consumer.join(20)
        keeper.join(20)
        assert not consumer.back and not keeper.back
        wrong = [body for body in hook.bodies() if json.loads(body)["kind"] == "a"]
        assert not wrong and all(json.loads(body)["kind"] == "a" for body in received)
        calls = len(hook.bodies())
        print("webhook: %d messages in %d calls (%d repeated)" % (len(set(hook.bodies())), calls, calls - len(set(hook.bodies()))))
    print("ok")


main()
