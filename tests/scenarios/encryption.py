#!/usr/bin/python3
"""What users wrote is in no file of the data directory while a master key is there, and nothing of it is lost."""
import json
import os
import subprocess
import tempfile
import threading

from support import FANFARE, Daemon, Endpoint, drain, main, make_queue, subscribe, wait_until

POLICY = json.dumps({"healthyRetryPolicy": {"numRetries": 2, "minDelayTarget": 1, "maxDelayTarget": 1}})
LONG = json.dumps({"healthyRetryPolicy": {"numRetries": 50, "minDelayTarget": 1, "maxDelayTarget": 1}})
ENDS = []  # what is to be removed with the process


def new_key(name="master", mode=0o400, content=None):
    folder = tempfile.TemporaryDirectory(prefix="fanfare-key-")
    ENDS.append(folder)
    path = os.path.join(folder.name, name)
    with open(path, "wb") as file:
        file.write(os.urandom(32) if content is None else content)
    os.chmod(path, mode)
    return path


def files_with(daemon, *markers):
    """Files of the data directory in which one of the markers is found."""
    found = set()
    for marker in markers:
        done = subprocess.run(["grep", "-r", "-a", "-l", "-F", marker, daemon.data], capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        found |= set(done.stdout.split())
    return found


def refuses(daemon, *words):
    """It does not start, and says why."""
    process = daemon.spawn()
    out, _ = process.communicate(timeout=30)
    assert process.returncode not in (0, -9), process.returncode
    log = daemon.log()
    assert "Sanitizer" not in log, log
    for word in words:
        assert word in log + out, (word, log, out)


class Writing:
    """All the ways in which content comes to the disk."""

    def __init__(self, daemon, marker):
        self.daemon = daemon
        self.marks = ["%s-%s" % (marker, what) for what in (
            "body", "attribute", "subject", "topic", "topicattribute", "answer", "fifo", "delayed", "dead")]
        self.body, self.attribute, self.subject, self.topic_body, self.topic_attribute, self.answer, self.fifo, self.delayed, self.dead = self.marks

    def write(self, hook):
        sqs, sns = self.daemon.client("sqs"), self.daemon.client("sns")
        self.dead_url, dead_arn = make_queue(sqs, "dead")
        self.url, arn = make_queue(sqs, "plain", KmsMasterKeyId="alias/aws/sqs", KmsDataKeyReusePeriodSeconds="60")
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "1"})
        self.dying_url, _ = make_queue(sqs, "dying", VisibilityTimeout="0", RedrivePolicy=redrive)
        self.fifo_url, _ = make_queue(sqs, "ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
        text = {"DataType": "String", "StringValue": self.attribute}
        sqs.send_message(QueueUrl=self.url, MessageBody=self.body, MessageAttributes={"kind": text})
        sqs.send_message(QueueUrl=self.url, MessageBody=self.delayed, DelaySeconds=600)
        sqs.send_message(QueueUrl=self.fifo_url, MessageBody=self.fifo, MessageGroupId="g")
        sqs.send_message(QueueUrl=self.dying_url, MessageBody=self.dead)
        assert sqs.receive_message(QueueUrl=self.dying_url)["Messages"]
        wait_until(lambda: not sqs.receive_message(QueueUrl=self.dying_url).get("Messages") and
                   sqs.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "1", "it died")
        self.topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": "alias/aws/sns"})["TopicArn"]
        subscribe(sns, self.topic, "sqs", arn)
        self.letters_url, letters_arn = make_queue(sqs, "letters")
        redrive = json.dumps({"deadLetterTargetArn": letters_arn})
        subscribe(sns, self.topic, "http", hook.url, DeliveryPolicy=POLICY, RedrivePolicy=redrive)
        subscribe(sns, self.topic, "http", hook.url + "2", DeliveryPolicy=LONG)
        text = {"DataType": "String", "StringValue": self.topic_attribute}
        sns.publish(TopicArn=self.topic, Message=self.topic_body, Subject=self.subject, MessageAttributes={"kind": text})
        wait_until(lambda: sqs.get_queue_attributes(QueueUrl=self.letters_url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "1", "a dead letter")

    def read(self):
        """All of it is there, whoever asks first."""
        sqs = self.daemon.client("sqs")
        got = drain(sqs, self.url, 2)
        own = [m for m in got if m["Body"] == self.body]
        assert len(own) == 1 and own[0]["MessageAttributes"]["kind"]["StringValue"] == self.attribute, got
        envelope = json.loads([m for m in got if m["Body"] != self.body][0]["Body"])
        assert (envelope["Message"], envelope["Subject"]) == (self.topic_body, self.subject), envelope
        assert [m["Body"] for m in drain(sqs, self.dead_url, 1)] == [self.dead]
        assert [m["Body"] for m in drain(sqs, self.fifo_url, 1)] == [self.fifo]
        letter = drain(sqs, self.letters_url, 1)[0]
        assert self.topic_body in letter["Body"], letter


class Echo(Endpoint):
    """Refuses everything with an answer that repeats a marker."""

    def __init__(self, marker):
        super().__init__(answers=(500,), headers={})
        self.server.RequestHandlerClass.do_GET = None
        handler = self.server.RequestHandlerClass
        endpoint = self

        def do_post(request):
            body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
            status = endpoint.take(dict(request.headers), body)
            request.send_response(status)
            request.send_header("Content-Length", str(len(marker)))
            request.end_headers()
            request.wfile.write(marker.encode())

        handler.do_POST = do_post


def written(daemon, marker):
    writing = Writing(daemon, marker)
    with Echo(writing.answer) as hook:
        writing.write(hook)
    return writing


def without_a_key_all_of_it_is_found():
    with Daemon() as daemon:
        writing = written(daemon, "marker-in-plain")
        daemon.kill()
        for mark in writing.marks:
            assert files_with(daemon, mark), "%s is nowhere: this test finds nothing" % mark
        assert daemon.log().count("encryption_missing") == 2, daemon.log()
        daemon.start()


def sealed(*arguments):
    key = new_key()
    with Daemon("--set", "master_key=" + key, *arguments) as daemon:
        writing = written(daemon, "marker-to-hide")
        daemon.kill()
        assert not files_with(daemon, *writing.marks), files_with(daemon, *writing.marks)
        daemon.start()
        assert daemon.stop() == 0  # all of it goes to LMDB
        assert not files_with(daemon, *writing.marks), files_with(daemon, *writing.marks)
        with open(key, "rb") as file:
            secret = file.read()
        for folder, _, names in os.walk(daemon.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    assert secret not in file.read(), "the master key is in " + name
        daemon.start()
        writing.read()
        daemon.kill()
        assert not files_with(daemon, *writing.marks)


def with_a_key_what_asks_for_it_is_found_nowhere():
    sealed()


def with_a_key_and_the_other_engine_it_is_found_nowhere():
    sealed("--set", "engine=lmdb", "--set", "encrypt=all")


def what_does_not_ask_for_it_is_left_alone():
    with Daemon("--set", "master_key=" + new_key()) as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "open", SqsManagedSseEnabled="false")
        sqs.send_message(QueueUrl=url, MessageBody="marker-that-may-be-seen")
        daemon.kill()
        assert files_with(daemon, "marker-that-may-be-seen")
        daemon.start()
    with Daemon("--set", "master_key=" + new_key(), "--set", "encrypt=all") as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "open", SqsManagedSseEnabled="false")
        sqs.send_message(QueueUrl=url, MessageBody="marker-that-may-be-seen")
        daemon.kill()
        assert not files_with(daemon, "marker-that-may-be-seen")
        daemon.start()


def a_message_stays_sealed_wherever_it_dies():
    with Daemon("--set", "master_key=" + new_key()) as daemon:
        sqs = daemon.client("sqs")
        dead_url, dead_arn = make_queue(sqs, "dead", SqsManagedSseEnabled="false")
        url, _ = make_queue(sqs, "q", VisibilityTimeout="0",
                            RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "1"}))
        sqs.send_message(QueueUrl=url, MessageBody="marker-that-dies")
        sqs.receive_message(QueueUrl=url)
        sqs.receive_message(QueueUrl=url)
        wait_until(lambda: sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "1", "it died")
        daemon.kill()
        assert not files_with(daemon, "marker-that-dies")
        daemon.start()
        assert [m["Body"] for m in drain(sqs, dead_url, 1)] == ["marker-that-dies"]


def without_the_key_or_with_another_it_does_not_start_and_loses_nothing():
    key = new_key()
    with Daemon("--set", "master_key=" + key) as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "q")
        sqs.send_message(QueueUrl=url, MessageBody="kept")
        arguments = daemon.arguments
        for end in (daemon.kill, daemon.stop):
            end()
            daemon.arguments = []
            refuses(daemon, "no master key is given", "master_key")
            daemon.arguments = ["--set", "master_key=" + new_key()]
            refuses(daemon, "not among those given")
            daemon.arguments = arguments
            daemon.start()
        assert [m["Body"] for m in drain(sqs, url, 1)] == ["kept"]


def keys_that_are_none_are_refused_with_words():
    for arguments, word in [
            (["master_key=" + new_key(mode=0o440)], "others than its owner"),
            (["master_key=" + new_key(content=b"short")], "neither 32 bytes"),
            (["master_key=/nowhere/at/all"], "cannot be read"),
            (["master_key=relative"], "is no place of a master key"),
            (["master_key=credential"], "CREDENTIALS_DIRECTORY"),
            (["encrypt=all"], "no key to encrypt with")]:
        daemon = Daemon(*[part for argument in arguments for part in ("--set", argument)])
        daemon.environment.pop("CREDENTIALS_DIRECTORY", None)
        try:
            refuses(daemon, word)
        finally:
            daemon.close()


def a_credential_of_systemd_is_a_key():
    path = new_key("fanfare-master")
    with Daemon("--set", "master_key=credential", environment={"CREDENTIALS_DIRECTORY": os.path.dirname(path)}) as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "q")
        sqs.send_message(QueueUrl=url, MessageBody="marker-by-credential")
        daemon.kill()
        assert not files_with(daemon, "marker-by-credential")
        daemon.arguments = ["--set", "master_key=" + path]
        daemon.start()
        assert [m["Body"] for m in drain(sqs, url, 1)] == ["marker-by-credential"]


def what_a_program_prints_is_a_key():
    key = new_key()
    script = new_key("fetch", 0o700, ("#!/bin/sh\nexec openssl base64 -A -in %s\n" % key).encode())
    with Daemon("--set", "master_key=exec:" + script) as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "q")
        sqs.send_message(QueueUrl=url, MessageBody="marker-by-program")
        daemon.kill()
        assert not files_with(daemon, "marker-by-program")
        daemon.arguments = ["--set", "master_key=" + key]
        daemon.start()
        assert [m["Body"] for m in drain(sqs, url, 1)] == ["marker-by-program"]
        daemon.stop()
        daemon.arguments = ["--set", "master_key=exec:" + new_key("fetch", 0o700, b"#!/bin/sh\nexit 1\n")]
        refuses(daemon, "brought no master key")


def a_new_master_key_takes_over_under_load():
    old, new = new_key(), new_key()
    sent, stop = [], threading.Event()
    with Daemon("--set", "master_key=" + old) as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "q")

        def send():
            client = daemon.client("sqs")
            while not stop.is_set() and len(sent) < 20000:
                body = "load-%d" % len(sent)
                try:
                    client.send_message(QueueUrl=url, MessageBody=body)
                except Exception:
                    stop.wait(0.05)  # it is being started again
                    continue
                sent.append(body)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            wait_until(lambda: len(sent) > 100, "load")
            daemon.kill()
            daemon.arguments = ["--set", "master_key=%s,%s" % (new, old)]
            daemon.start()
            wait_until(lambda: "master_key_rotated" in daemon.log(), "all are wrapped anew")
            before = len(sent)
            wait_until(lambda: len(sent) > before + 100, "load")
            daemon.kill()
            daemon.arguments = ["--set", "master_key=" + new]
            daemon.start()
            before = len(sent)
            wait_until(lambda: len(sent) > before + 100, "load")
        finally:
            stop.set()
            sender.join()
        got = {m["Body"] for m in drain(sqs, url, len(sent), seconds=120)}
        assert set(sent) <= got, "%d are lost" % len(set(sent) - got)


if __name__ == "__main__":
    assert os.path.exists(FANFARE), FANFARE
    main([without_a_key_all_of_it_is_found, with_a_key_what_asks_for_it_is_found_nowhere,
          with_a_key_and_the_other_engine_it_is_found_nowhere, what_does_not_ask_for_it_is_left_alone,
          a_message_stays_sealed_wherever_it_dies, without_the_key_or_with_another_it_does_not_start_and_loses_nothing,
          keys_that_are_none_are_refused_with_words, a_credential_of_systemd_is_a_key, what_a_program_prints_is_a_key, a_new_master_key_takes_over_under_load])
