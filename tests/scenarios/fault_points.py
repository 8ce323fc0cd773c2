"""The process dies, or the engine fails, at a named point: what was answered 200 is there afterwards.
Needs a build with ENABLE_FAULTS."""

import signal
import tempfile
import time

from support import Daemon, drain, main, make_queue, wait_until
from wire import ARN, Lost, Refused, Wire

POINTS = ("store.commit.before_sync", "store.commit.after_sync", "pump.before_commit")


def send_until_it_dies(daemon, url, most=400):
    accepted = []
    sqs = daemon.client("sqs")
    for i in range(most):
        try:
            sqs.send_message(QueueUrl=url, MessageBody=str(i))
            accepted.append(str(i))
        except Exception:
            break
    return accepted


def everything(daemon, url, accepted):
    got = [m["Body"] for m in drain(daemon.client("sqs"), url, len(accepted), seconds=30)]
    assert set(accepted) <= set(got), "lost: %s" % sorted(set(accepted) - set(got))
    assert len(got) <= len(set(got)) + 0, "one message twice without a second receive"


def a_kill_at_any_point_loses_nothing():
    for point in POINTS:
        for passage in (12, 25):
            daemon = Daemon()
            try:
                daemon.start()
                url, _ = make_queue(daemon.client("sqs"), "faulty")
                assert daemon.stop() == 0
                daemon.environment["FAULTS"] = "%s:%d:kill" % (point, passage)
                daemon.start()
                accepted = send_until_it_dies(daemon, url)
                daemon.process.wait(10)
                assert daemon.process.returncode == -9, "it was not killed at " + point
                del daemon.environment["FAULTS"]
                daemon.start()
                everything(daemon, url, accepted)
                print("%s:%d: %d were answered 200" % (point, passage, len(accepted)))
            finally:
                daemon.close()


def a_failed_commit_is_told_and_the_server_goes_on():
    with Daemon(environment={"FAULTS": "store.commit.fail:20:fail"}) as daemon:
        url, _ = make_queue(daemon.client("sqs"), "failing")
        sqs = daemon.client("sqs")
        accepted, refused = [], 0
        for i in range(60):
            try:
                sqs.send_message(QueueUrl=url, MessageBody=str(i))
                accepted.append(str(i))
            except sqs.exceptions.ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error.response
                refused += 1
        assert refused >= 1, "the fault point was not passed"
        assert len(accepted) >= 40, "it did not go on: %d" % len(accepted)
        everything(daemon, url, accepted)
        assert "commit_failed" in daemon.log() and "cell_reload" in daemon.log()


def a_disk_that_stays_full_leaves_the_loop_to_those_who_ask():
    """Commit after commit finds no room: the server loads its data anew, and waits between the tries.  Sleeping, it would answer once
    or twice a try, and without waiting no oftener."""
    full = ",".join("store.commit.full:%d:fail" % n for n in range(20, 36))
    with Daemon(environment={"FAULTS": full}) as daemon:
        wire, asked, accepted = Wire(daemon), 0, []
        url = wire.make_queue("filling")

        def send():
            try:
                wire.sqs("SendMessage", QueueUrl=url, MessageBody=str(len(accepted)))
                accepted.append(str(len(accepted)))
                return True
            except (Lost, Refused):
                return False

        def reloads():
            return daemon.log().count("cell_reload")

        while reloads() < 12:
            send()
            asked += reloads() > 1 and wire.page("/_fanfare/health").startswith("{")
        print("asked %d times during %d reloads" % (asked, reloads() - 1))
        assert asked > 4 * (reloads() - 1)
        wait_until(lambda: send() and reloads() >= 16, "room", 120)
        everything(daemon, url, accepted)


def a_sync_that_fails_ends_the_daemon_and_nothing_is_lost():
    """What the kernel lost is unknown then: no answer may be given any more, and the log says what to do."""
    daemon = Daemon()
    try:
        daemon.start()
        url, _ = make_queue(daemon.client("sqs"), "failing")
        assert daemon.stop() == 0
        daemon.environment["FAULTS"] = "store.sync.fail:20:fail"
        daemon.start()
        accepted = send_until_it_dies(daemon, url)
        assert daemon.process.wait(10) == 1 and "check the disk" in daemon.log()
        del daemon.environment["FAULTS"]
        daemon.start()
        everything(daemon, url, accepted)
        print("a failed sync: %d were answered 200" % len(accepted))
    finally:
        daemon.close()


def took(ask, *arguments, **named):
    began = time.monotonic()
    answer = ask(*arguments, **named)
    return answer, time.monotonic() - began


def no_answer_comes_before_its_change_is_durable():
    """Each commit is held for a second: so is each answer to what changes something.  A FIFO queue's receive is among them: whoever
    holds a group must hold it after a crash, too."""
    with Daemon() as daemon:
        wire = Wire(daemon)
        fifo, plain, dead = wire.make_queue("ordered.fifo", FifoQueue="true"), wire.make_queue("plain"), wire.make_queue("dead")
        topic = wire.make_topic("topic")
        arn = wire.subscribe(topic, "sqs", ARN % ("sqs", "plain"))
        for i in range(3):
            wire.sqs("SendMessage", QueueUrl=fifo, MessageBody=str(i), MessageGroupId="g%d" % i, MessageDeduplicationId=str(i))
            wire.sqs("SendMessage", QueueUrl=plain, MessageBody=str(i))
        assert daemon.stop() == 0
        daemon.environment["FAULTS"] = "store.commit.held:0:hold"
        daemon.start()
        wire.forget()
        plain_one, _ = took(wire.receive, plain, most=1, WaitTimeSeconds=2)
        fifo_one, long = took(wire.receive, fifo, most=1)
        assert len(plain_one) == len(fifo_one) == 1
        waits = {"ReceiveMessage of a FIFO queue": long}
        for operation, more in (("ChangeMessageVisibility", {"QueueUrl": fifo, "ReceiptHandle": fifo_one[0]["ReceiptHandle"], "VisibilityTimeout": 60}),
                                ("DeleteMessage", {"QueueUrl": fifo, "ReceiptHandle": fifo_one[0]["ReceiptHandle"]}),
                                ("DeleteMessage", {"QueueUrl": plain, "ReceiptHandle": plain_one[0]["ReceiptHandle"]}),
                                ("SendMessage", {"QueueUrl": plain, "MessageBody": "more"}),
                                ("SetQueueAttributes", {"QueueUrl": plain, "Attributes": {"VisibilityTimeout": "7"}}),
                                ("TagQueue", {"QueueUrl": plain, "Tags": {"a": "b"}}),
                                ("PurgeQueue", {"QueueUrl": plain}), ("CreateQueue", {"QueueName": "new"}), ("DeleteQueue", {"QueueUrl": dead})):
            waits[operation] = min(waits.get(operation, 60), took(wire.sqs, operation, **more)[1])
        for operation, more in (("Publish", {"TopicArn": topic, "Message": "x"}), ("CreateTopic", {"Name": "new"}),
                                ("SetTopicAttributes", {"TopicArn": topic, "AttributeName": "DisplayName", "AttributeValue": "T"}),
                                ("SetSubscriptionAttributes", {"SubscriptionArn": arn, "AttributeName": "RawMessageDelivery", "AttributeValue": "true"}),
                                ("Unsubscribe", {"SubscriptionArn": arn}), ("DeleteTopic", {"TopicArn": topic})):
            waits[operation] = took(wire.sns, operation, **more)[1]
        hasty = {operation: round(wait, 3) for operation, wait in waits.items() if wait < 0.9}
        assert not hasty, "answered before it was durable: %s" % hasty


RESOURCES = ("queues:\n" + "".join("  - {name: q%d}\n" % i for i in range(300)) + "topics:\n"
             + "".join("  - {name: t%d, subscriptions: [{protocol: sqs, endpoint: q%d}]}\n" % (i, i) for i in range(50)))


def count_of(client, operation, member):
    return sum(len(page.get(member, [])) for page in client.get_paginator(operation).paginate())


def what_a_failed_commit_undoes_is_declared_again():
    """Told by SIGHUP, so that none of the commits is the start's own: that one must not fail."""
    failed = 0
    for passage in range(5, 11):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("queues: []\n")
            file.flush()
            with Daemon("--config", file.name, environment={"FAULTS": "store.commit.fail:%d:fail" % passage}) as daemon:
                file.seek(0)
                file.truncate()
                file.write(RESOURCES)
                file.flush()
                daemon.process.send_signal(signal.SIGHUP)
                wait_until(lambda: "declared resources=400 refused=0" in daemon.log(), "the resources: " + daemon.log()[-3000:], 60)
                sqs, sns = daemon.client("sqs"), daemon.client("sns")
                assert count_of(sqs, "list_queues", "QueueUrls") == 300
                assert count_of(sns, "list_topics", "Topics") == 50 and count_of(sns, "list_subscriptions", "Subscriptions") == 50
                log = daemon.log()
                assert "declared_refused" not in log, log[-3000:]
                failed += "commit_failed" in log
    assert failed >= 3, "only %d of these commits failed" % failed


main([what_a_failed_commit_undoes_is_declared_again, a_kill_at_any_point_loses_nothing, a_failed_commit_is_told_and_the_server_goes_on,
      a_disk_that_stays_full_leaves_the_loop_to_those_who_ask, a_sync_that_fails_ends_the_daemon_and_nothing_is_lost, no_answer_comes_before_its_change_is_durable])
