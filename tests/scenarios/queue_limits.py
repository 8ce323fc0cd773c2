"""Queues under what must not hurt them: ten thousand idle long polls, a consumer that never deletes, messages that get too old.
Figures are reported; only what must hold is asserted.  IDLE_POLLS=N for another number of polls."""

import http.client
import json
import os
import resource
import selectors
import socket
import time

from support import Daemon, cpu_seconds, expect_error, main, make_queue, resident_mib, sqs_json, wait_until

POLLS = int(os.environ.get("IDLE_POLLS", 10000))
IN_FLIGHT_MAX = 120000
SCOPE = "Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"


def request(operation, body):
    text = json.dumps(body).encode()
    return (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
            b"X-Amz-Target: AmazonSQS.%s\r\nAuthorization: AWS4-HMAC-SHA256 %s\r\nContent-Length: %d\r\n\r\n%s"
            % (operation.encode(), SCOPE.encode(), len(text), text))


def filled(bodies):
    return [message["Body"] for body in bodies for message in body.get("Messages", [])]


class Polls:
    """Many long polls on one selector: who was answered, with what."""

    def __init__(self, daemon, urls, wait):
        self.selector = selectors.DefaultSelector()
        self.answers = {}
        self.sockets = []
        for i, url in enumerate(urls):
            connection = socket.create_connection(("127.0.0.1", daemon.port))
            connection.sendall(request("ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": wait}))
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ, i)
            self.sockets.append(connection)

    def look(self, seconds, enough=None):
        """The bodies of the answers that came within that time, or until there are enough with messages in them."""
        end, came = time.time() + seconds, []
        while time.time() < end and (enough is None or len(filled(came)) < enough) and self.selector.get_map():
            for key, _ in self.selector.select(max(0, end - time.time())):
                data = key.fileobj.recv(65536)
                self.selector.unregister(key.fileobj)
                assert data.startswith(b"HTTP/1.1 200"), data[:200]
                came.append(json.loads(data.partition(b"\r\n\r\n")[2]))
        return came

    def close(self):
        for connection in self.sockets:
            connection.close()
        self.selector.close()


def idle_long_polls_cost_nothing_and_one_send_wakes_one():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(POLLS, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        one, _ = make_queue(sqs, "one")
        others = [make_queue(sqs, "other-%d" % i)[0] for i in range(50)]
        before = resident_mib(daemon.process)
        began = time.time()
        polls = Polls(daemon, [one if i % 2 == 0 else others[i // 2 % 50] for i in range(count)], 20)
        answers = polls.look(0.5)
        took = time.time() - began
        cpu = cpu_seconds(daemon.process)
        answers += polls.look(5)
        cpu = cpu_seconds(daemon.process) - cpu
        grown = resident_mib(daemon.process) - before
        print("%d idle long polls (opened in %.1f s): %.2f %% of a core, %.1f MiB more anonymous memory, %.1f KiB each"
              % (count, took, cpu / 5 * 100, grown, grown * 1024 / count), flush=True)
        assert filled(answers) == [], "nobody sent anything"
        # On a machine so slow that polls are over by now, ending them is what the time went to.
        assert cpu < 0.5 or answers, "%.2f s of CPU in 5 s of idleness" % cpu
        woken = 0
        for i in range(20):
            url = one if i % 2 == 0 else others[i]
            sqs.send_message(QueueUrl=url, MessageBody=str(i))
            came = polls.look(20, enough=1)
            came += polls.look(0.1)
            answers += came
            assert filled(came) in ([str(i)], []), "one send woke %d" % len(filled(came))
            woken += len(filled(came))
        assert woken == 20 or time.time() - began > 20, woken
        answers += polls.look(60)
        assert len(answers) == count, "%d of %d were answered" % (len(answers), count)
        polls.close()
        wait_until(lambda: sqs_json(daemon, "ListQueues")["QueueUrls"], "an answer")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Caller:
    """One kept connection: boto3 would take minutes."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self, operation, **body):
        self.connection.request("POST", "/", json.dumps(body), {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + operation,
            "Authorization": "AWS4-HMAC-SHA256 " + SCOPE})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")


def a_consumer_that_never_deletes_is_stopped():
    """It holds 120,000 messages, then hears OverLimit; memory is bounded, also after a restart."""
    more = 2000
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "hoarded", VisibilityTimeout="43200")
        call = Caller(daemon)
        body = "x" * 200
        for i in range(0, IN_FLIGHT_MAX + more, 10):
            status, answer = call("SendMessageBatch", QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": body} for n in range(10)])
            assert status == 200 and len(answer["Successful"]) == 10, answer
        before = resident_mib(daemon.process)
        held = 0
        handle = None
        for _ in range(IN_FLIGHT_MAX):  # a receive may get fewer than it asks for
            status, answer = call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=min(10, IN_FLIGHT_MAX - held), WaitTimeSeconds=5)
            assert status == 200 and len(answer["Messages"]) > 0, (held, answer)
            held += len(answer["Messages"])
            if held == IN_FLIGHT_MAX:
                break
            handle = answer["Messages"][0]["ReceiptHandle"]
        status, answer = call("ReceiveMessage", QueueUrl=url)
        assert status == 403 and answer["__type"] == "com.amazonaws.sqs#OverLimit", answer
        expect_error("OverLimit", sqs.receive_message, QueueUrl=url)
        grown = resident_mib(daemon.process) - before
        assert call("SendMessage", QueueUrl=url, MessageBody="still taken")[0] == 200
        assert call("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)[0] == 200
        assert len(call("ReceiveMessage", QueueUrl=url)[1]["Messages"]) == 1, "one less is in flight: one more may be"
        daemon.kill()
        began = time.time()
        daemon.start()
        call = Caller(daemon)
        status, answer = call("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=5)
        took = time.time() - began
        # The last receive may have been answered before it was durable: then it is not in flight any more.
        assert status == 403 or len(answer["Messages"]) == 1, answer
        status, answer = call("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
        in_flight = int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])
        assert in_flight == IN_FLIGHT_MAX, in_flight
        print("120,000 in flight: %.1f MiB more anonymous memory, %.0f bytes each; %.1f MiB in all after a restart, ready to receive in %.2f s"
              % (grown, grown * 1048576 / IN_FLIGHT_MAX, resident_mib(daemon.process), took), flush=True)
        assert grown < 100 and resident_mib(daemon.process) < 200


def a_fifo_consumer_that_never_deletes_gets_nothing_more():
    """The same number in flight, and no error: there is just nothing more to be had."""
    with Daemon() as daemon:
        url, _ = make_queue(daemon.client("sqs"), "hoarded.fifo", FifoQueue="true", VisibilityTimeout="43200")
        call = Caller(daemon)
        for i in range(0, IN_FLIGHT_MAX + 10, 10):
            status, answer = call("SendMessageBatch", QueueUrl=url, Entries=[
                {"Id": str(n), "MessageBody": "x", "MessageGroupId": "g%d" % i, "MessageDeduplicationId": str(i + n)} for n in range(10)])
            assert status == 200 and len(answer["Successful"]) == 10, answer
        handle = None
        for i in range(IN_FLIGHT_MAX // 10):
            status, answer = call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
            assert status == 200 and len(answer["Messages"]) == 10, (i, answer)
            handle = answer["Messages"][0]["ReceiptHandle"]
        assert call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10) == (200, {})
        assert call("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)[0] == 200
        assert len(call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)[1]["Messages"]) == 1
        print("FIFO, 120,000 in flight of 12,000 groups: %.1f MiB anonymous memory" % resident_mib(daemon.process), flush=True)


def messages_expire_with_their_retention():
    """60 s is the least a queue may keep them: visible, delayed, in flight and dead-lettered ones go."""
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        dead, dead_arn = make_queue(sqs, "dead", MessageRetentionPeriod="60")
        url, _ = make_queue(sqs, "brief", MessageRetentionPeriod="60", VisibilityTimeout="0",
                            RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1}))
        fifo, _ = make_queue(sqs, "brief.fifo", FifoQueue="true", MessageRetentionPeriod="60", VisibilityTimeout="600")
        long, _ = make_queue(sqs, "long")
        sqs.send_message(QueueUrl=url, MessageBody="dies")
        assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        time.sleep(5)
        sent_at = time.time()
        sqs.send_message(QueueUrl=url, MessageBody="visible")
        sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=900)
        sqs.send_message(QueueUrl=long, MessageBody="kept until told otherwise")
        for i in range(2):
            sqs.send_message(QueueUrl=fifo, MessageBody=str(i), MessageGroupId="g", MessageDeduplicationId=str(i))
        held = sqs.receive_message(QueueUrl=fifo, WaitTimeSeconds=2)["Messages"][0]
        left = lambda q: sum(int(v) for v in sqs.get_queue_attributes(QueueUrl=q, AttributeNames=[
            "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"])["Attributes"].values())
        assert (left(url), left(fifo), left(dead), left(long)) == (2, 2, 1, 1)
        wait_until(lambda: left(dead) == 0, "what is dead to be too old", 75, 0.2)
        assert (left(url), left(fifo)) == (2, 2), "the dead one's age counts from its first send, before it died"
        wait_until(lambda: left(url) == 0 and left(fifo) == 0, "everything to be too old", 30, 0.2)
        assert time.time() - sent_at >= 60
        assert "Messages" not in sqs.receive_message(QueueUrl=url) and "Messages" not in sqs.receive_message(QueueUrl=fifo)
        try:
            sqs.delete_message(QueueUrl=fifo, ReceiptHandle=held["ReceiptHandle"])
        except sqs.exceptions.ClientError as error:
            raise AssertionError("a message that is gone can be deleted: %s" % error)
        assert left(long) == 1
        sqs.set_queue_attributes(QueueUrl=long, Attributes={"MessageRetentionPeriod": "60"})
        wait_until(lambda: left(long) == 0, "what is older than the new retention", 5)


main([
    idle_long_polls_cost_nothing_and_one_send_wakes_one,
    a_consumer_that_never_deletes_is_stopped,
    a_fifo_consumer_that_never_deletes_gets_nothing_more,
    messages_expire_with_their_retention,
])
