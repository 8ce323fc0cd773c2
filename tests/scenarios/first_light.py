"""Create, subscribe, confirm, publish, filter, receive, verify the signature, delete: by boto3."""

import json
import urllib.request

from support import Daemon, Endpoint, drain, expect_error, main, make_queue, subscribe, verify_signature, wait_until

def a_filtered_publish_reaches_webhook_and_queue():
    with Daemon() as daemon, Endpoint() as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        assert topic == "arn:aws:sns:us-east-1:000000000000:orders", topic
        url, arn = make_queue(sqs, "orders-eu")
        raw_url, raw_arn = make_queue(sqs, "orders-raw")
        subscribe(sns, topic, "http", hook.url, FilterPolicy=json.dumps({"kind": ["a"]}))
        subscribe(sns, topic, "sqs", arn, FilterPolicy=json.dumps({"n": [1]}), FilterPolicyScope="MessageBody")
        subscribe(sns, topic, "sqs", raw_arn, RawMessageDelivery="true")
        attribute = lambda kind: {"kind": {"DataType": "String", "StringValue": kind}}
        first = sns.publish(TopicArn=topic, Message='{"n": 1}', Subject="hello", MessageAttributes=attribute("a"))["MessageId"]
        sns.publish(TopicArn=topic, Message='{"n": 2}', MessageAttributes=attribute("b"))
        sns.publish(TopicArn=topic, Message="not json", MessageAttributes=attribute("a"))
        wait_until(lambda: len(hook.requests) == 2, "two webhook calls")
        assert sorted(hook.messages()) == sorted(['{"n": 1}', "not json"])
        envelope = json.loads(next(body for body in hook.bodies() if b'{\\"n\\": 1}' in body))
        assert envelope["MessageId"] == first and envelope["Subject"] == "hello"
        assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "a"}}
        assert list(envelope)[:3] == ["Type", "MessageId", "TopicArn"], list(envelope)
        headers = {name.lower(): value for name, value in hook.requests[0][1].items()}
        assert headers["x-amz-sns-message-type"] == "Notification"
        assert headers["x-amz-sns-topic-arn"] == topic
        assert headers["content-type"] == "text/plain; charset=UTF-8"
        assert headers["user-agent"] == "Amazon Simple Notification Service Agent"
        verify_signature(envelope)
        verify_signature(hook.confirmations[0][1])
        queued = drain(sqs, url, 1)
        assert len(queued) == 1 and json.loads(queued[0]["Body"])["Message"] == '{"n": 1}'
        verify_signature(json.loads(queued[0]["Body"]))
        raw = drain(sqs, raw_url, 3)
        assert sorted(m["Body"] for m in raw) == sorted(['{"n": 1}', '{"n": 2}', "not json"])
        assert raw[0]["MessageAttributes"]["kind"]["DataType"] == "String"
        assert not drain(sqs, url, 1, seconds=1)


def signature_version_two_is_sha256():
    with Daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="signed", Attributes={"SignatureVersion": "2"})["TopicArn"]
        url, arn = make_queue(sqs, "signed")
        subscribe(sns, topic, "sqs", arn)
        sns.publish(TopicArn=topic, Message="räksmörgås \"quoted\"\n\u2028", Subject="s")
        envelope = json.loads(drain(sqs, url, 1)[0]["Body"])
        assert envelope["SignatureVersion"] == "2"
        verify_signature(envelope)


def a_message_survives_a_restart_and_a_lease_too():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "kept")
        for i in range(20):
            sqs.send_message(QueueUrl=url, MessageBody=str(i))
        lent = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=5, VisibilityTimeout=600)["Messages"]
        assert daemon.stop() == 0
        daemon.start()
        sqs = daemon.client("sqs")
        rest = drain(sqs, url, 15)
        assert len(rest) == 15 and not drain(sqs, url, 1, seconds=1)
        for message in lent:  # handles work after a restart
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert counts["ApproximateNumberOfMessages"] == "0", counts
        assert counts["ApproximateNumberOfMessagesNotVisible"] == "0", counts


def long_polls_wake_when_something_arrives():
    import threading
    import time
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "polled")
        threading.Timer(1, lambda: daemon.client("sqs").send_message(QueueUrl=url, MessageBody="x")).start()
        began = time.time()
        got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
        assert got[0]["Body"] == "x" and 0.5 < time.time() - began < 8
        began = time.time()
        assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
        assert time.time() - began > 0.9


def visibility_brings_a_message_back():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "visible")
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"a": {"DataType": "Number", "StringValue": "7"}})
        first = sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)["Messages"][0]
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
        second = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
        assert second["MessageId"] == first["MessageId"] and second["ReceiptHandle"] != first["ReceiptHandle"]
        assert second["Attributes"]["ApproximateReceiveCount"] == "2"
        assert second["MessageAttributes"]["a"]["StringValue"] == "7"


def accounts_and_regions_are_apart():
    with Daemon() as daemon:
        daemon.client("sns").create_topic(Name="mine")
        other = daemon.client("sns", account="111122223333", region="eu-west-1")
        assert other.list_topics()["Topics"] == []
        arn = other.create_topic(Name="mine")["TopicArn"]
        assert arn == "arn:aws:sns:eu-west-1:111122223333:mine"
        assert daemon.client("sts", account="111122223333").get_caller_identity()["Account"] == "111122223333"
        expect_error("NotFound", daemon.client("sns").publish, TopicArn="arn:aws:sns:us-east-1:000000000000:none", Message="x")


def pages_show_what_happens():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "watched")
        sqs.send_message(QueueUrl=url, MessageBody="x")
        for path in ("/_fanfare/health", "/_localstack/health"):
            health = json.load(urllib.request.urlopen(daemon.url + path))
            assert health["status"] == "ok" and health["services"]["sns"] == "running", health
        metrics = urllib.request.urlopen(daemon.url + "/metrics").read().decode()
        assert 'fanfare_queue_visible{queue="watched",region="us-east-1",account="000000000000"} 1' in metrics, metrics


main([a_filtered_publish_reaches_webhook_and_queue, signature_version_two_is_sha256,
      a_message_survives_a_restart_and_a_lease_too, long_polls_wake_when_something_arrives,
      visibility_brings_a_message_back, accounts_and_regions_are_apart, pages_show_what_happens])
