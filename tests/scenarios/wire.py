"""Asking the daemon over one kept connection a thread: boto3 is too slow to be a load."""

import http.client
import json
import re
import socket
import threading
import urllib.parse

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"
ARN = "arn:aws:%s:us-east-1:000000000000:%s"


class Lost(Exception):
    """No answer: it may have happened, or not."""


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__("%d %s" % (status, text[:300]))
        self.status, self.text = status, text


class Wire:
    """The daemon's two services, whatever process stands behind it just now."""

    def __init__(self, daemon, timeout=30):
        self.daemon, self.timeout, self.mine = daemon, timeout, threading.local()

    def connection(self):
        if getattr(self.mine, "connection", None) is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=self.timeout)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.mine.connection = connection
        return self.mine.connection

    def forget(self):
        if getattr(self.mine, "connection", None) is not None:
            self.mine.connection.close()
        self.mine.connection = None

    def ask(self, method, path, body, headers):
        try:
            connection = self.connection()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.forget()
            raise Lost(repr(error)) from None
        if answer.status != 200:
            raise Refused(answer.status, text)
        return text

    def sqs(self, operation, **body):
        return json.loads(self.ask("POST", "/", json.dumps(body), {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + operation,
            "Authorization": SCOPE % "sqs"}) or "{}")

    def sns(self, operation, _attributes=None, **parameters):
        for i, (name, value) in enumerate((_attributes or {}).items(), 1):
            parameters["Attributes.entry.%d.key" % i], parameters["Attributes.entry.%d.value" % i] = name, value
        return self.ask("POST", "/", urllib.parse.urlencode(dict(parameters, Action=operation, Version="2010-03-31")), {
            "Content-Type": "application/x-www-form-urlencoded", "Authorization": SCOPE % "sns"})

    def page(self, path, method="GET", **parameters):
        text = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        return self.ask(method, path + text, b"" if method == "POST" else None, {})

    # What is asked often.

    def make_queue(self, name, **attributes):
        return self.sqs("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]

    def make_topic(self, name, **attributes):
        return field(self.sns("CreateTopic", attributes, Name=name), "TopicArn")

    def subscribe(self, topic, protocol, endpoint, **attributes):
        return field(self.sns("Subscribe", attributes, TopicArn=topic, Protocol=protocol, Endpoint=endpoint,
                              ReturnSubscriptionArn="true"), "SubscriptionArn")

    def receive(self, url, most=10, **more):
        return self.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=most, **more).get("Messages", [])

    def delete(self, url, messages):
        """A batch; those that failed."""
        return self.sqs("DeleteMessageBatch", QueueUrl=url, Entries=[
            {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]).get("Failed", [])

    def counts(self, url):
        """Visible, in flight, delayed."""
        found = self.sqs("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return tuple(int(found["ApproximateNumberOfMessages" + kind]) for kind in ("", "NotVisible", "Delayed"))

    def metric(self, name):
        for line in self.page("/metrics").splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError("no metric " + name)


def field(xml, name):
    return re.search("<%s>([^<]*)</%s>" % (name, name), xml).group(1)
