"""Bad input at every layer: a clear answer, and the daemon goes on as if nothing had happened."""

import json
import os
import re
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from support import FANFARE, Daemon, drain, expect_error, main, make_queue, subscribe


def raw(daemon, data, seconds=5):
    """Sends bytes, reads until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=seconds) as connection:
        connection.sendall(data)
        answer = b""
        try:
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
                if b"\r\n\r\n" in answer and b"Connection: keep-alive" in answer:
                    break
        except (TimeoutError, socket.timeout, ConnectionResetError):
            pass
        return answer


def status_of(answer):
    found = re.match(rb"HTTP/1\.1 (\d+) ", answer)
    return int(found.group(1)) if found else None


def post(daemon, body, headers=None, path="/"):
    request = urllib.request.Request(daemon.url + path, data=body if isinstance(body, bytes) else body.encode(),
                                     headers=headers or {"Content-Type": "application/x-www-form-urlencoded"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def malformed_http_is_refused():
    with Daemon("--set", "slow_timeout=2s") as daemon:
        cases = [
            (b"GARBAGE\r\n\r\n", (400,)),
            (b"GET / HTTP/9.9\r\n\r\n", (400, 505)),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n", (400,)),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", (400,)),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
            (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)),
            (b"GET / HTTP/1.1\r\nHost: x\r\nBad\0Header: y\r\n\r\n", (400,)),
            (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"H%d: %s\r\n" % (i, b"v" * 1000) for i in range(100)) + b"\r\n", (431,)),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", (413,)),
            (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nslow", (408,)),
        ]
        for data, wanted in cases:
            answer = raw(daemon, data)
            assert status_of(answer) in wanted, (data[:80], wanted, answer[:200])
        assert post(daemon, "Action=ListTopics&Version=2010-03-31")[0] == 200


def wrong_requests_get_aws_errors():
    with Daemon() as daemon:
        code = lambda body, **named: (lambda a: (a[0], re.findall("<Code>(.*?)</Code>", a[1])))(post(daemon, body, **named))
        sns = "&Version=2010-03-31"
        sqs = "&Version=2012-11-05"
        assert code("Action=Nonsense" + sns) == (400, ["InvalidAction"])
        assert code("Action=Nonsense" + sqs) == (400, ["InvalidAction"])
        assert code("Action=CreateTopic&Name=not%20a%20name" + sns) == (400, ["InvalidParameter"])
        assert code("Action=Publish&Message=x&TopicArn=arn:aws:sns:us-east-1:000000000000:none" + sns) == (404, ["NotFound"])
        assert code("Action=SendMessage&QueueUrl=http://x/000000000000/none&MessageBody=x" + sqs) == (400, ["AWS.SimpleQueueService.NonExistentQueue"])
        for body in ("Action=Publish&Message=%ff%fe&TopicArn=x" + sns, "Action=%zz" + sns, "Action=Publish&Message=%"):
            status, found = code(body)
            assert status == 400 and found, (body, status, found)
        headers = lambda target: {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
        for target, body in (("AmazonSQS.Nonsense", "{}"), ("AmazonSQS.SendMessage", "not json"), ("AmazonSQS.SendMessage", "[]"),
                             ("AmazonSQS.SendMessage", '{"QueueUrl": 7}'), ("AmazonSQS.SendMessage", '{"QueueUrl":"\\ud800"}'),
                             ("AmazonSQS.SendMessage", "{" * 1000), ("AmazonSQS.CreateQueue", "{}")):
            status, text, answered = post(daemon, body, headers=headers(target))
            assert status == 400 and "__type" in json.loads(text), (target, body, status, text)
        status, text, answered = post(daemon, '{"QueueUrl":"http://x/000000000000/none","MessageBody":"x"}', headers=headers("AmazonSQS.SendMessage"))
        assert status == 400 and answered["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender", answered
        status, text, _ = post(daemon, "{}", headers=dict(headers("DynamoDB_20120810.ListTables"),
                               Authorization="AWS4-HMAC-SHA256 Credential=k/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"))
        assert status >= 400 and "sns" in text.lower() and "sqs" in text.lower(), text


def wrong_parameters_are_told():
    with Daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="strict")["TopicArn"]
        url, arn = make_queue(sqs, "strict")
        expect_error("InvalidParameter", sns.publish, TopicArn=topic, Message="x" * (256 * 1024 + 1))
        expect_error("InvalidParameter", sns.publish, TopicArn=topic, Message="")
        expect_error("InvalidParameter", sns.publish, TopicArn=topic, Message="x", Subject="x" * 101)
        expect_error("InvalidParameter", sns.publish, TopicArn="nonsense", Message="x")
        expect_error("InvalidParameter", sns.publish, TopicArn=topic, Message='{"x":"y"}', MessageStructure="json")
        for name, value in (("bad name", {"DataType": "String", "StringValue": "x"}), ("a", {"DataType": "Colour", "StringValue": "x"}),
                            ("a", {"DataType": "Number", "StringValue": "seven"})):
            try:
                sns.publish(TopicArn=topic, Message="x", MessageAttributes={name: value})
                raise AssertionError("accepted %s %s" % (name, value))
            except sns.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] in ("ParameterValueInvalid", "InvalidParameterValue", "InvalidParameter"), error.response
        expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="pigeon", Endpoint="coop")
        expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=url)
        said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": '{"a":{"b":1}}'})
        assert "FilterPolicy" in said or "nested" in said, said
        expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="ftp://127.0.0.1/")
        expect_error("NotFound", sns.get_topic_attributes, TopicArn=topic + "x")
        expect_error("InvalidParameter", sns.confirm_subscription, TopicArn=topic, Token="2336412f37" + "0" * 64)
        expect_error("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="absent")
        expect_error("MissingParameter", sqs.send_message, QueueUrl=url, MessageBody="")
        expect_error("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody="\x01")
        expect_error("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x", DelaySeconds=901)
        expect_error("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x" * (1024 * 1024 + 1))
        expect_error("InvalidParameterValue", sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
        expect_error("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="nonsense")
        expect_error("InvalidAttributeName", sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Colour"])
        expect_error("InvalidAttributeValue", sqs.create_queue, QueueName="x", Attributes={"VisibilityTimeout": "99999999"})
        expect_error("InvalidParameterValue", sqs.create_queue, QueueName="not a name")
        assert "Messages" not in sqs.receive_message(QueueUrl=url)


def a_full_disk_refuses_new_work_and_loses_nothing():
    """The watermark stands in for the disk: above what is free, as a nearly full disk would be."""
    with tempfile.TemporaryDirectory() as folder:
        with Daemon(data=folder) as daemon:
            sns, sqs = daemon.client("sns"), daemon.client("sqs")
            topic = sns.create_topic(Name="full")["TopicArn"]
            url, arn = make_queue(sqs, "full")
            subscribe(sns, topic, "sqs", arn, RawMessageDelivery="true")
            for i in range(10):
                sns.publish(TopicArn=topic, Message=str(i))
        with Daemon("--set", "free_space_watermark=1000000GiB", data=folder) as daemon:
            sns, sqs = daemon.client("sns"), daemon.client("sqs")
            for call in (lambda: sns.publish(TopicArn=topic, Message="x"), lambda: sqs.send_message(QueueUrl=url, MessageBody="x"),
                         lambda: sns.create_topic(Name="another"), lambda: sqs.create_queue(QueueName="another")):
                try:
                    call()
                    raise AssertionError("accepted on a full disk")
                except (sns.exceptions.ClientError, sqs.exceptions.ClientError) as error:
                    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error.response
                    assert "free" in error.response["Error"]["Message"], error.response
            assert len(drain(sqs, url, 10)) == 10  # settling what was accepted always fits
            health = json.load(urllib.request.urlopen(daemon.url + "/_fanfare/health"))
            assert health["disk"] == "low", health
        with Daemon(data=folder) as daemon:
            counts = daemon.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            assert counts["ApproximateNumberOfMessages"] == "0", counts


def a_limit_on_file_size_stops_commits_not_promises():
    """RLIMIT_FSIZE makes real writes fail under the engine's feet: what was answered 200 is there afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        with Daemon(data=folder) as daemon:
            url, _ = make_queue(daemon.client("sqs"), "limited")
        daemon = Daemon(data=folder)
        import resource
        limit = max(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names) + 1
        accepted = []
        original = resource.getrlimit(resource.RLIMIT_FSIZE)
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, original[1]))
        try:
            daemon.start()
            sqs = daemon.client("sqs")
            for i in range(300):
                try:
                    sqs.send_message(QueueUrl=url, MessageBody="%d " % i + "x" * 500000)
                    accepted.append(str(i))
                except Exception:
                    break
            daemon.process.kill()
            daemon.process.wait()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, original)
        daemon.start()
        got = {m["Body"].split()[0] for m in drain(daemon.client("sqs"), url, len(accepted), seconds=60)}
        daemon.close()
        assert got >= set(accepted), (len(accepted), len(got))
        print("%d were answered 200 before the limit" % len(accepted))


main([malformed_http_is_refused, wrong_requests_get_aws_errors, wrong_parameters_are_told,
      a_full_disk_refuses_new_work_and_loses_nothing, a_limit_on_file_size_stops_commits_not_promises])
