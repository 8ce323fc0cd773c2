"""The wall clock jumps, both ways, while the daemon runs and while it does not: a leap forward ends no lease, delay, retention, retry
or deduplication at once; after one back everything still comes.  Needs Debian's faketime; without it, it is skipped."""

import glob
import sys
import tempfile
import time

from support import SKIPPED, Daemon, Endpoint, main, make_queue, subscribe, wait_until
from wire import Wire

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") or [None])[0]
HOUR = 3600


class Shifted(Daemon):
    """A daemon whose wall clock is ours; the one that counts from the boot is not touched."""

    def __init__(self, *arguments):
        self.shift_file = tempfile.NamedTemporaryFile("w", suffix=".faketime")
        super().__init__("--set", "dev=true", *arguments, environment={
            "LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.shift_file.name, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1"})
        self.jump(0)

    def jump(self, seconds):
        self.shift_file.seek(0)
        self.shift_file.truncate()
        self.shift_file.write("%+d\n" % seconds)
        self.shift_file.flush()


def clock_really_jumps():
    """Or the rest would prove nothing: the answer's Date header."""
    with Shifted() as daemon:
        wire = Wire(daemon)
        dates = []
        for shift in (0, 40 * 24 * HOUR):
            daemon.jump(shift)
            time.sleep(1.5)
            connection = wire.connection()
            connection.request("GET", "/_fanfare/health")
            answer = connection.getresponse()
            answer.read()
            dates.append(answer.headers["Date"][8:11])
        assert dates[0] != dates[1], dates


def a_leap_forward_ends_nothing_at_once():
    for shift in (HOUR, 400 * 24 * HOUR):
        with Shifted() as daemon, Endpoint(answers=[500]) as hook:
            wire, sns, sqs = Wire(daemon), daemon.client("sns"), daemon.client("sqs")
            leased, delayed = wire.make_queue("leased", VisibilityTimeout="600"), wire.make_queue("delayed")
            brief, fifo = wire.make_queue("brief", MessageRetentionPeriod="60"), wire.make_queue("ordered.fifo", FifoQueue="true", VisibilityTimeout="600")
            topic = wire.make_topic("topic")
            subscribe(sns, topic, "http", hook.url, DeliveryPolicy='{"healthyRetryPolicy":{"numRetries":3,"minDelayTarget":300,"maxDelayTarget":300}}')
            wire.sqs("SendMessage", QueueUrl=leased, MessageBody="lent")
            wire.sqs("SendMessage", QueueUrl=delayed, MessageBody="later", DelaySeconds=600)
            for body in ("lent", "behind"):
                wire.sqs("SendMessage", QueueUrl=fifo, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body)
            [lent] = wire.receive(leased, WaitTimeSeconds=2)
            [first] = wire.receive(fifo, most=1, WaitTimeSeconds=2)
            wire.sns("Publish", TopicArn=topic, Message="retried")
            wait_until(lambda: len(hook.requests) == 1, "the first attempt")
            wire.sqs("SendMessage", QueueUrl=brief, MessageBody="young")
            daemon.jump(shift)
            end = time.monotonic() + 4
            while time.monotonic() < end:
                for url in (leased, delayed, fifo):
                    assert not wire.receive(url), "a leap of %d s: %s came" % (shift, url)
                assert wire.counts(brief) == (1, 0, 0), "retention ended"
                assert len(hook.requests) == 1, "a retry was made at once"
                time.sleep(0.3)
            wire.sqs("SendMessage", QueueUrl=fifo, MessageBody="lent", MessageGroupId="g", MessageDeduplicationId="lent")
            assert sum(wire.counts(fifo)) == 2, "sent twice within five minutes: it is in there twice"
            wire.sqs("DeleteMessage", QueueUrl=leased, ReceiptHandle=lent["ReceiptHandle"])
            wire.sqs("DeleteMessage", QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
            assert [m["Body"] for m in wire.receive(fifo, WaitTimeSeconds=2)] == ["behind"]
            assert [m["Body"] for m in wire.receive(brief, WaitTimeSeconds=2)] == ["young"]
            assert wire.counts(leased) == (0, 0, 0)


def everything_comes(wire, daemon, shift, restart):
    short, work = wire.make_queue("short", VisibilityTimeout="2"), wire.make_queue("work")
    for i in range(5):
        wire.sqs("SendMessage", QueueUrl=short, MessageBody="short %d" % i)
        wire.sqs("SendMessage", QueueUrl=work, MessageBody="work %d" % i)
    wire.sqs("SendMessage", QueueUrl=work, MessageBody="delayed", DelaySeconds=3)
    held = {message["Body"] for _ in range(3) for message in wire.receive(short, WaitTimeSeconds=1)}
    assert held
    daemon.jump(shift)
    if restart:
        daemon.kill()
        daemon.start()
        wire.forget()
    wire.sqs("SendMessage", QueueUrl=work, MessageBody="afterwards")
    for url, wanted in ((work, {"work %d" % i for i in range(5)} | {"delayed", "afterwards"}), (short, {"short %d" % i for i in range(5)})):
        got, end = set(), time.monotonic() + 30
        while got != wanted and time.monotonic() < end:
            for message in wire.receive(url, WaitTimeSeconds=1):
                got.add(message["Body"])
                wire.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        assert got == wanted, "a step of %d s%s: %s did not come" % (shift, ", over a restart" if restart else "", wanted - got)
        assert wire.counts(url) == (0, 0, 0)


def nothing_is_lost_by_a_step_back():
    with Shifted() as daemon:
        everything_comes(Wire(daemon), daemon, -HOUR, False)
        everything_comes(Wire(daemon), daemon, -48 * HOUR, False)
        everything_comes(Wire(daemon), daemon, 0, False)


def nothing_is_lost_by_a_step_back_over_a_restart():
    with Shifted() as daemon:
        everything_comes(Wire(daemon), daemon, -HOUR, True)
        everything_comes(Wire(daemon), daemon, -48 * HOUR, True)


def retries_go_on_after_a_step_back():
    with Shifted() as daemon, Endpoint(answers=[500, 200]) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="topic")["TopicArn"]
        subscribe(sns, topic, "http", hook.url, DeliveryPolicy='{"healthyRetryPolicy":{"numRetries":3,"minDelayTarget":2,"maxDelayTarget":2}}')
        sns.publish(TopicArn=topic, Message="retried")
        wait_until(lambda: len(hook.requests) == 1, "the first attempt")
        daemon.jump(-HOUR)
        wait_until(lambda: len(hook.requests) == 2, "the second", 30)


if LIBRARY is None:
    print("skipped: there is no libfaketime here")
    sys.exit(SKIPPED)
main([clock_really_jumps, a_leap_forward_ends_nothing_at_once, nothing_is_lost_by_a_step_back,
      nothing_is_lost_by_a_step_back_over_a_restart, retries_go_on_after_a_step_back])
