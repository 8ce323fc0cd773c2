"""SQS by boto3 against the real binary: every operation it knows, and the edges where queue servers go wrong."""

import json
import threading
import time
import urllib.request

from support import Daemon, drain, expect_error, main, make_queue, sqs_json, wait_until


def attributes(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names or ["All"])).get("Attributes", {})


def counts(sqs, url):
    """Visible, in flight, delayed."""
    got = attributes(sqs, url)
    return tuple(int(got["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible", "Delayed"))


def receive(sqs, url, most=10, wait=2, **more):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, WaitTimeSeconds=wait, AttributeNames=["All"],
                               MessageAttributeNames=["All"], **more).get("Messages", [])


def send_all(sqs, url, bodies, **more):
    for i in range(0, len(bodies), 10):
        entries = [dict({"Id": str(n), "MessageBody": body}, **{k: v(body) for k, v in more.items()})
                   for n, body in enumerate(bodies[i:i + 10])]
        answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        assert "Failed" not in answer, answer


def redrive(arn, most):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": most})


def boto3_drives_every_operation_it_knows():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        operations = set(sqs.meta.service_model.operation_names)
        asked = set()
        sqs.meta.events.register("before-call.sqs", lambda model, **_: asked.add(model.name))
        dead, dead_arn = make_queue(sqs, "dead")
        url, arn = make_queue(sqs, "orders", RedrivePolicy=redrive(dead_arn, 5))
        assert sqs.get_queue_url(QueueName="orders")["QueueUrl"] == url
        assert sqs.list_queues(QueueNamePrefix="or")["QueueUrls"] == [url]
        assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "77"})
        assert attributes(sqs, url, "VisibilityTimeout") == {"VisibilityTimeout": "77"}
        sqs.tag_queue(QueueUrl=url, Tags={"a": "1", "b": "2"})
        sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
        assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}
        sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
        assert "111122223333" in attributes(sqs, url)["Policy"]
        sqs.remove_permission(QueueUrl=url, Label="l")
        sent = sqs.send_message(QueueUrl=url, MessageBody="one", MessageAttributes={"n": {"DataType": "Number", "StringValue": "7"}},
                                MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}})
        batch = sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": "a", "MessageBody": "two"}, {"Id": "b", "MessageBody": "three", "DelaySeconds": 900}])
        assert [e["Id"] for e in batch["Successful"]] == ["a", "b"]
        got = receive(sqs, url)
        assert [m["Body"] for m in got] == ["one", "two"] and got[0]["MessageId"] == sent["MessageId"]
        assert got[0]["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert got[0]["Attributes"]["AWSTraceHeader"].startswith("Root=1-")
        assert counts(sqs, url) == (0, 2, 1)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"], VisibilityTimeout=0)
        changed = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
            {"Id": "x", "ReceiptHandle": got[1]["ReceiptHandle"], "VisibilityTimeout": 0}])
        assert [e["Id"] for e in changed["Successful"]] == ["x"]
        again = receive(sqs, url)
        assert [m["Attributes"]["ApproximateReceiveCount"] for m in again] == ["2", "2"]
        assert not {m["ReceiptHandle"] for m in got} & {m["ReceiptHandle"] for m in again}, "handles are new at each receive"
        sqs.delete_message(QueueUrl=url, ReceiptHandle=again[0]["ReceiptHandle"])
        gone = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "y", "ReceiptHandle": again[1]["ReceiptHandle"]}])
        assert [e["Id"] for e in gone["Successful"]] == ["y"]
        sqs.purge_queue(QueueUrl=url)
        assert counts(sqs, url) == (0, 0, 0)
        sqs.delete_queue(QueueUrl=url)
        expect_error("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="orders")
        assert asked == operations, "not driven: %s" % sorted(operations - asked)


def extended_clients_pointers_pass_untouched():
    """What amazon-sqs-java-extended-client sends for a payload in S3: an array of class and pointer, and the size."""
    pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"bucket","s3Key":"0b1c7f5e-2c3d-4f5a-9b0e-1f2a3b4c5d6e"}]'
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        for name in ("ExtendedPayloadSize", "SQSLargePayloadSize"):
            url, _ = make_queue(sqs, name)
            size = {name: {"DataType": "Number", "StringValue": "2097152"}}
            sent = sqs.send_message(QueueUrl=url, MessageBody=pointer, MessageAttributes=size)
            got = receive(sqs, url)[0]
            assert got["Body"] == pointer and got["MessageAttributes"] == size, got
            assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
            # The Java client hides bucket and key in the handle it gives its caller, and takes them out again.
            sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
            assert "-..s3" not in got["ReceiptHandle"]
        url, _ = make_queue(sqs, "large")
        body = "x" * (1024 * 1024 - 100) + "é" * 50
        assert len(body.encode()) == 1024 * 1024
        sqs.send_message(QueueUrl=url, MessageBody=body)
        assert receive(sqs, url)[0]["Body"] == body
        text = expect_error("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody=body + "x")
        assert text == "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.", text


def forged_and_foreign_handles_are_refused():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "mine")
        other, _ = make_queue(sqs, "other")
        for queue in (url, other):
            sqs.send_message(QueueUrl=queue, MessageBody="keep")
        handle = receive(sqs, url)[0]["ReceiptHandle"]
        foreign = receive(sqs, other)[0]["ReceiptHandle"]
        flipped = [handle[:i] + ("A" if handle[i] != "A" else "B") + handle[i + 1:] for i in range(len(handle))]
        forged = flipped + [foreign, handle + "A", handle[:-1], "", " ", "x" * 10000, "é", handle.swapcase(), "../" + handle, "%00"]
        for bad in forged:
            for call, more in ((sqs.delete_message, {}), (sqs.change_message_visibility, {"VisibilityTimeout": 0})):
                try:
                    call(QueueUrl=url, ReceiptHandle=bad, **more)
                    raise AssertionError("took %r" % bad)
                except sqs.exceptions.ClientError as error:
                    code = error.response["Error"]["Code"]
                    assert code in ("ReceiptHandleIsInvalid", "MissingParameter"), (bad, code)
        assert counts(sqs, url) == counts(sqs, other) == (0, 1, 0), "nothing was deleted or given back"
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        # A queue of the same name is another queue.
        sqs.delete_queue(QueueUrl=other)
        make_queue(sqs, "other")
        expect_error("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=other, ReceiptHandle=foreign)


def a_poison_message_ends_in_the_dead_letter_queue():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        dead, dead_arn = make_queue(sqs, "dead", MessageRetentionPeriod="1209600")
        url, arn = make_queue(sqs, "orders", VisibilityTimeout="0", RedrivePolicy=redrive(dead_arn, 3))
        sent = sqs.send_message(QueueUrl=url, MessageBody="poison")
        send_all(sqs, url, ["good-%d" % i for i in range(30)])
        seen, done = 0, set()
        for _ in range(200):
            for message in receive(sqs, url, wait=0):
                if message["Body"] == "poison":
                    seen += 1
                else:
                    done.add(message["Body"])
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if sum(counts(sqs, url)) == 0:
                break
        assert seen == 3 and len(done) == 30, (seen, len(done))
        got = receive(sqs, dead)
        assert [m["MessageId"] for m in got] == [sent["MessageId"]]
        assert got[0]["Attributes"]["DeadLetterQueueSourceArn"] == arn
        assert "dead_letter_retention" not in daemon.log()


def fifo_redrive_keeps_the_order():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        dead, dead_arn = make_queue(sqs, "dead.fifo", **fifo)
        url, arn = make_queue(sqs, "orders.fifo", VisibilityTimeout="0", RedrivePolicy=redrive(dead_arn, 1), **fifo)
        bodies = ["%s%02d" % (group, i) for i in range(20) for group in "ab"]
        send_all(sqs, url, bodies, MessageGroupId=lambda body: body[0])
        for _ in range(20):
            receive(sqs, url, wait=0)
            if counts(sqs, dead)[0] == len(bodies):
                break
        assert counts(sqs, dead)[0] == len(bodies), counts(sqs, dead)
        sqs_json(daemon, "StartMessageMoveTask", SourceArn=dead_arn)
        wait_until(lambda: sqs_json(daemon, "ListMessageMoveTasks", SourceArn=dead_arn)["Results"][0]["Status"] == "COMPLETED", "the task")
        assert counts(sqs, dead) == (0, 0, 0) and counts(sqs, url)[0] == len(bodies)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30", "RedrivePolicy": ""})
        got = drain(sqs, url, len(bodies))
        for group in "ab":
            order = [m["Body"] for m in got if m["Body"][0] == group]
            assert order == sorted(order) and len(order) == 20, order
        assert len({m["Attributes"]["SequenceNumber"] for m in got}) == len(bodies)


def a_purge_takes_what_is_in_flight():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "purged", VisibilityTimeout="1")
        send_all(sqs, url, [str(i) for i in range(20)])
        sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=1)
        held = receive(sqs, url)
        assert len(held) == 10
        sqs.purge_queue(QueueUrl=url)
        assert counts(sqs, url) == (0, 0, 0)
        assert "every 60 seconds" in expect_error("AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, QueueUrl=url)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=held[0]["ReceiptHandle"])
        text = expect_error("InvalidParameterValue", sqs.change_message_visibility, QueueUrl=url,
                            ReceiptHandle=held[1]["ReceiptHandle"], VisibilityTimeout=5)
        assert "Message does not exist or is not available for visibility timeout change." in text, text
        sqs.send_message(QueueUrl=url, MessageBody="after")
        got = receive(sqs, url, wait=2)
        assert [m["Body"] for m in got] == ["after"], got
        daemon.kill()
        daemon.start()
        sqs = daemon.client("sqs")
        time.sleep(1.1)
        assert [m["Body"] for m in receive(sqs, url, wait=2, VisibilityTimeout=30)] == ["after"]
        assert receive(sqs, url, wait=1) == [] and counts(sqs, url) == (0, 1, 0)


class Poll(threading.Thread):
    """One long poll, with its answer and how long that took."""

    def __init__(self, daemon, url, wait=20):
        super().__init__(daemon=True)
        self.client, self.url, self.wait = daemon.client("sqs"), url, wait
        self.messages = self.error = None
        self.start()

    def run(self):
        began = time.time()
        try:
            self.messages = receive(self.client, self.url, wait=self.wait)
        except self.client.exceptions.ClientError as error:
            self.error = error.response["Error"]["Code"]
        self.seconds = time.time() - began


def long_polls_wake_for_what_comes():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "polled", VisibilityTimeout="1")
        poll = Poll(daemon, url)
        time.sleep(0.3)
        sqs.send_message(QueueUrl=url, MessageBody="arrives")
        poll.join(30)
        assert [m["Body"] for m in poll.messages] == ["arrives"] and poll.seconds < 15
        returning = Poll(daemon, url)
        returning.join(30)
        assert returning.messages[0]["Attributes"]["ApproximateReceiveCount"] == "2" and returning.seconds < 15
        sqs.delete_message(QueueUrl=url, ReceiptHandle=returning.messages[0]["ReceiptHandle"])
        delayed = Poll(daemon, url)
        sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=1)
        delayed.join(30)
        assert [m["Body"] for m in delayed.messages] == ["delayed"] and 0.9 < delayed.seconds < 15
        sqs.delete_message(QueueUrl=url, ReceiptHandle=delayed.messages[0]["ReceiptHandle"])
        empty = Poll(daemon, url, wait=1)
        empty.join(30)
        assert empty.messages == [] and empty.seconds >= 1


def a_deleted_queue_answers_its_long_polls():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "short-lived")
        polls = [Poll(daemon, url) for _ in range(5)]
        time.sleep(0.5)
        sqs.delete_queue(QueueUrl=url)
        for poll in polls:
            poll.join(30)
            assert poll.error == "AWS.SimpleQueueService.NonExistentQueue" and poll.seconds < 15, (poll.error, poll.messages)


def a_restart_forgets_nothing():
    """Leases, counts, delays, handles, deduplication and fingerprints across kill -9."""
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "kept.fifo", FifoQueue="true", VisibilityTimeout="600")
        plain, _ = make_queue(sqs, "kept", VisibilityTimeout="600")
        first = sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
        sqs.send_message(QueueUrl=url, MessageBody="b", MessageGroupId="g", MessageDeduplicationId="e")
        held = receive(sqs, url, most=1)[0]
        sqs.send_message(QueueUrl=plain, MessageBody="delayed", DelaySeconds=900)
        sqs.send_message(QueueUrl=plain, MessageBody="kept")
        kept = receive(sqs, plain)[0]
        sqs.change_message_visibility(QueueUrl=plain, ReceiptHandle=kept["ReceiptHandle"], VisibilityTimeout=900)
        daemon.kill()
        daemon.start()
        sqs = daemon.client("sqs")
        assert counts(sqs, plain) == (0, 1, 1) and counts(sqs, url) == (1, 1, 0)
        assert receive(sqs, url, wait=1) == [], "the group is still held"
        again = sqs.send_message(QueueUrl=url, MessageBody="other", MessageGroupId="g", MessageDeduplicationId="d")
        assert again["MessageId"] == first["MessageId"] and again["SequenceNumber"] == first["SequenceNumber"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
        got = receive(sqs, url)
        assert [m["Body"] for m in got] == ["b"]
        again = sqs.send_message(QueueUrl=url, MessageBody="deleted long since", MessageGroupId="g", MessageDeduplicationId="d")
        assert again["MessageId"] == first["MessageId"], "deduplication outlives the message"
        sqs.change_message_visibility(QueueUrl=plain, ReceiptHandle=kept["ReceiptHandle"], VisibilityTimeout=0)
        back = receive(sqs, plain)[0]
        assert back["Attributes"]["ApproximateReceiveCount"] == "2"


def quiet_tenants_are_served_before_a_noisy_one():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "fair", VisibilityTimeout="600")
        send_all(sqs, url, ["noisy-%d" % i for i in range(6000)], MessageGroupId=lambda body: "noisy")
        for _ in range(3):
            assert len(receive(sqs, url)) == 10
        send_all(sqs, url, ["quiet-%d" % i for i in range(5)], MessageGroupId=lambda body: "quiet")
        wait_until(lambda: any(m["Body"].startswith("quiet") for m in receive(sqs, url)), "a quiet tenant's message")
        seen = [m["Body"] for _ in range(3) for m in receive(sqs, url)]
        assert len([b for b in seen if b.startswith("noisy")]) > 0


def what_the_operator_may_choose():
    with Daemon("--set", "message_size_max=256KiB", "--set", "queue_name_pause=6s") as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "classic")
        assert attributes(sqs, url, "MaximumMessageSize") == {"MaximumMessageSize": "262144"}
        sqs.send_message(QueueUrl=url, MessageBody="x" * 262144)
        text = expect_error("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x" * 262145)
        assert text.endswith("Message must be shorter than 262144 bytes."), text
        text = expect_error("AWS.SimpleQueueService.BatchRequestTooLong", sqs.send_message_batch, QueueUrl=url, Entries=[
            {"Id": "1", "MessageBody": "x" * 262144}, {"Id": "2", "MessageBody": "x"}])
        assert text == "Batch requests cannot be longer than 262144 bytes. You have sent 262145 bytes.", text
        expect_error("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={"MaximumMessageSize": "262145"})
        sqs.delete_queue(QueueUrl=url)
        text = expect_error("AWS.SimpleQueueService.QueueDeletedRecently", sqs.create_queue, QueueName="classic")
        assert text == "You must wait 6 seconds after deleting a queue before you can create another with the same name.", text
        make_queue(sqs, "another")
        time.sleep(6)
        url, _ = make_queue(sqs, "classic")
        port, data = daemon.port, daemon.data
        daemon.stop()
        with Daemon("--listen", "127.0.0.1:%d" % port, data=data) as larger:
            sqs = larger.client("sqs")
            assert attributes(sqs, url, "MaximumMessageSize") == {"MaximumMessageSize": "262144"}, "as it was made"
            assert attributes(sqs, make_queue(sqs, "new")[0], "MaximumMessageSize") == {"MaximumMessageSize": "1048576"}
            larger.stop()
        daemon.start()


def short_dead_letter_retention_is_warned_about():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        warnings = lambda: [line for line in daemon.log().split("\n") if "dead_letter_retention" in line]
        dead, dead_arn = make_queue(sqs, "dead")
        url, arn = make_queue(sqs, "orders", RedrivePolicy=redrive(dead_arn, 3))
        assert len(warnings()) == 1 and arn in warnings()[0] and dead_arn in warnings()[0], daemon.log()
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
        sqs.set_queue_attributes(QueueUrl=dead, Attributes={"MessageRetentionPeriod": "1209600"})
        assert len(warnings()) == 1, "only a change that makes it so is worth a line"
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "1209600"})
        assert len(warnings()) == 2
        make_queue(sqs, "more", RedrivePolicy=redrive(dead_arn, 3))
        sqs.set_queue_attributes(QueueUrl=dead, Attributes={"MessageRetentionPeriod": "60"})
        assert len(warnings()) == 3 and "others=1" in warnings()[2], warnings()


def lists_are_cut_where_aws_cuts_them():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        dead, dead_arn = make_queue(sqs, "dead")
        for i in range(1003):
            sqs.create_queue(QueueName="q%04d" % i, Attributes={"RedrivePolicy": redrive(dead_arn, 5)} if i < 12 else {})
        listed = sqs.list_queues(QueueNamePrefix="q")
        assert len(listed["QueueUrls"]) == 1000 and "NextToken" not in listed, "without MaxResults there is no token"
        first = sqs.list_queues(QueueNamePrefix="q", MaxResults=1000)
        rest = sqs.list_queues(QueueNamePrefix="q", MaxResults=1000, NextToken=first["NextToken"])
        assert len(first["QueueUrls"]) == 1000 and len(rest["QueueUrls"]) == 3 and "NextToken" not in rest
        pages = sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=dead, PaginationConfig={"PageSize": 5})
        assert [len(page["queueUrls"]) for page in pages] == [5, 5, 2]


def metrics_say_what_each_queue_holds():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "measured")
        send_all(sqs, url, ["x"] * 5)
        sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
        receive(sqs, url, most=2)
        time.sleep(1.2)
        with urllib.request.urlopen(daemon.url + "/metrics") as answer:
            page = answer.read().decode()
        label = '{queue="measured",region="us-east-1",account="000000000000"} '
        found = {line.split("{")[0]: float(line.split("} ")[1]) for line in page.split("\n") if label in line}
        assert found["fanfare_queue_visible"] == 3 and found["fanfare_queue_in_flight"] == 2, found
        assert found["fanfare_queue_delayed"] == 1 and 1 <= found["fanfare_queue_oldest_seconds"] < 60, found


main([
    boto3_drives_every_operation_it_knows,
    extended_clients_pointers_pass_untouched,
    forged_and_foreign_handles_are_refused,
    a_poison_message_ends_in_the_dead_letter_queue,
    fifo_redrive_keeps_the_order,
    a_purge_takes_what_is_in_flight,
    long_polls_wake_for_what_comes,
    a_deleted_queue_answers_its_long_polls,
    a_restart_forgets_nothing,
    quiet_tenants_are_served_before_a_noisy_one,
    what_the_operator_may_choose,
    short_dead_letter_retention_is_warned_about,
    lists_are_cut_where_aws_cuts_them,
    metrics_say_what_each_queue_holds,
])
