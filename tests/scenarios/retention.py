"""A queue's retention ends messages in the moment in which its consumer deletes them: another queue of the same topic has them still,
all of them, and nobody's counts are wrong.  Takes its minute: 60 s is the least a queue may keep anything."""

import random
import threading
import time

from support import Daemon, main
from wire import ARN, Wire

MESSAGES = 4000
# Counts of references on disk, and no history that keeps a body for a while: what is gone is gone.
COLD = ("--set", "cache_bytes=64KiB", "--set", "history_max_age=0", "--set", "log_level=warn")


class Pair:
    """Two queues of a topic: brief, whose retention ends, and long, which is to get everything in the end."""

    def __init__(self, daemon, label, retention):
        self.wire = Wire(daemon)
        self.topic = self.wire.make_topic(label)
        self.names = {"brief": label + "-brief", "long": label + "-long"}
        self.brief = self.wire.make_queue(self.names["brief"], MessageRetentionPeriod=retention)
        self.long = self.wire.make_queue(self.names["long"])
        for name in self.names.values():
            self.wire.subscribe(self.topic, "sqs", ARN % ("sqs", name), RawMessageDelivery="true")

    def publish(self):
        self.began = time.monotonic()
        for i in range(0, MESSAGES, 10):
            entries = {}
            for k in range(10):
                entries["PublishBatchRequestEntries.member.%d.Id" % (k + 1)] = str(k)
                entries["PublishBatchRequestEntries.member.%d.Message" % (k + 1)] = str(i + k)
            self.wire.sns("PublishBatch", TopicArn=self.topic, **entries)

    def hold(self):
        self.held = []
        while len(self.held) < MESSAGES:
            messages = self.wire.receive(self.brief, VisibilityTimeout=600, WaitTimeSeconds=2)
            assert messages, "only %d came" % len(self.held)
            self.held += messages
        random.shuffle(self.held)

    def delete_at(self, moment):
        time.sleep(max(0, self.began + moment - time.monotonic()))
        workers = [threading.Thread(target=self.delete, args=(self.held[i::4],)) for i in range(4)]
        for worker in workers:
            worker.start()
        return workers

    def delete(self, messages):
        for i in range(0, len(messages), 10):
            self.wire.delete(self.brief, messages[i:i + 10])

    def check(self):
        end = time.monotonic() + 20
        while self.wire.counts(self.brief) != (0, 0, 0) and time.monotonic() < end:
            time.sleep(0.2)
        assert self.wire.counts(self.brief) == (0, 0, 0), "brief has %s" % (self.wire.counts(self.brief),)
        assert self.wire.counts(self.long) == (MESSAGES, 0, 0), self.wire.counts(self.long)
        got = set()
        while True:
            messages = self.wire.receive(self.long, VisibilityTimeout=600, WaitTimeSeconds=1)
            if not messages:
                break
            got |= {message["Body"] for message in messages}
        assert len(got) == MESSAGES, "%d of %d did not come" % (MESSAGES - len(got), MESSAGES)


def nobody_loses_what_another_queue_lets_go():
    """Both ways at once: a retention of 60 s from the beginning, and one shortened to that while deletions are under way."""
    with Daemon(*COLD) as daemon:
        natural, shortened = Pair(daemon, "natural", "60"), Pair(daemon, "shortened", "3600")
        for pair in (shortened, natural):
            pair.publish()
            pair.hold()
        workers = natural.delete_at(59.8)
        for worker in workers:
            worker.join()
        workers = shortened.delete_at(61)
        time.sleep(0.02)
        shortened.wire.sqs("SetQueueAttributes", QueueUrl=shortened.brief, Attributes={"MessageRetentionPeriod": "60"})
        for worker in workers:
            worker.join()
        for pair in (natural, shortened):
            pair.check()
        assert "damaged" not in daemon.log(), daemon.log()


main([nobody_loses_what_another_queue_lets_go])
