"""The load under which the daemon is killed: each worker does one thing, again and again, and writes it into its book."""

import collections
import http.server
import json
import random
import re
import threading
import time

from ledger_book import Book, Groups, Wrongs, text_of
from wire import ARN, Lost, Refused, Wire, field

GROUPS, FIFO_VISIBILITY, BRIEF, PURGED_QUEUES = 6, 6, 2, 8
KINDS = "abc"
PAUSE = 0.03  # at most, of a publisher: what is sent must be received, too, in the end


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".%03dZ" % (seconds % 1 * 1000)


class Hook:
    """A webhook: some of its answers are 500."""

    def __init__(self, failing):
        self.got, self.token, self.lock, self.chance = collections.Counter(), None, threading.Lock(), random.Random(1)
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                self.send_response(hook.answer(self.headers, body, failing))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 256

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, headers, body, failing):
        with self.lock:
            if headers.get("x-amz-sns-message-type") == "SubscriptionConfirmation":
                self.token = json.loads(body)["Token"]
            elif self.chance.random() < failing:
                return 500
            else:
                self.got[body] += 1
        return 200


class Load:
    def __init__(self, daemon, seed):
        self.daemon, self.wire, self.chance = daemon, Wire(daemon), random.Random(seed)
        self.wrongs, self.done, self.refused = Wrongs(), collections.Counter(), collections.Counter()
        self.books, self.kept, self.there = {}, collections.deque(), {}
        self.numbers, self.lock, self.round = collections.Counter(), threading.Lock(), 0
        self.over, self.trap = False, None
        self.fifo_next = [1] * GROUPS
        self.threads = []

    # --- What there is before.

    def book(self, name, queue=None, visibility=30, **attributes):
        self.books[name] = Book(name, self.wire.make_queue(queue or name, **attributes), self.wrongs, visibility)
        return self.books[name]

    def webhook(self, failing, retries, dead):
        hook = Hook(failing)
        hook.arn = self.wire.subscribe(self.topic, "http", hook.url, RawMessageDelivery="true", FilterPolicy='{"kind":[{"anything-but":"b"}]}',
                                       RedrivePolicy=json.dumps({"deadLetterTargetArn": ARN % ("sqs", dead)}),
                                       DeliveryPolicy=json.dumps({"healthyRetryPolicy": {"numRetries": retries, "minDelayTarget": 1, "maxDelayTarget": 1}}))
        while hook.token is None:
            time.sleep(0.02)
        self.wire.sns("ConfirmSubscription", TopicArn=self.topic, Token=hook.token)
        return hook

    def prepare(self):
        wire, raw = self.wire, {"RawMessageDelivery": "true"}
        for name in ("raw", "again", "filtered-dead", "good-dead", "bad-dead", "work", "churned", "still"):
            self.book(name)
        self.book("filtered", visibility=BRIEF, RedrivePolicy=json.dumps(
            {"deadLetterTargetArn": ARN % ("sqs", "filtered-dead"), "maxReceiveCount": 3}))
        self.fifo = Groups(self.book("ordered", "ordered.fifo", FIFO_VISIBILITY, FifoQueue="true"), FIFO_VISIBILITY)
        for i in range(PURGED_QUEUES):
            self.book("purged-%d" % i)
        for name in ("again", "good-dead", "bad-dead"):
            self.books[name].may_return = True
        self.topic = wire.make_topic("all")
        self.fifo_topic = wire.make_topic("ordered.fifo", FifoTopic="true")
        wire.subscribe(self.topic, "sqs", ARN % ("sqs", "raw"), **raw)
        wire.subscribe(self.topic, "sqs", ARN % ("sqs", "filtered"), FilterPolicy='{"kind":["a","c"]}')
        self.again = wire.subscribe(self.topic, "sqs", ARN % ("sqs", "again"), FilterPolicy='{"kind":["c"]}', **raw)
        wire.subscribe(self.fifo_topic, "sqs", ARN % ("sqs", "ordered.fifo"), **raw)
        self.good, self.bad = self.webhook(0, 50, "good-dead"), self.webhook(0.5, 3, "bad-dead")

    def start(self):
        for work in (self.publish, self.publish, lambda: self.publish_in_order(0), lambda: self.publish_in_order(1), self.send, self.send_to_still,
                     lambda: self.eat("raw"), lambda: self.eat("again"), lambda: self.eat("churned"), self.eat_filtered, self.eat_in_order, self.eat_in_order,
                     self.work, self.work, self.use_kept, self.move, self.send_to_purged, self.purge, self.eat_purged,
                     self.churn_topic, self.churn_queue, self.replay):
            self.threads.append(threading.Thread(target=self.run, args=(work,), daemon=True))
            self.threads[-1].start()

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join(40)
            assert not thread.is_alive(), "a worker hangs"

    def run(self, work):
        while not self.over:
            try:
                work()
            except Lost:
                time.sleep(0.01)
            except Refused as error:
                self.note_refused(error)
                time.sleep(0.01)
            except Exception as error:  # a mistake of the workers must not look like silence
                self.wrongs.add("worker", repr(error))
                time.sleep(0.1)

    def note_refused(self, error):
        code = re.search(r"#?(\w+)\"|<Code>(\w+)", error.text)
        self.refused["%d %s" % (error.status, error.text[:100])] += 1
        if error.status >= 500 or code is None:
            self.wrongs.add("refused", str(error))

    def number(self, what):
        with self.lock:
            self.numbers[what] += 1
            return self.numbers[what]

    def count(self, what, by=1):
        with self.lock:
            self.done[what] += by

    # --- Topics.

    def publish(self):
        texts = []
        for _ in range(self.chance.choice((1, 1, 1, 5))):
            number = self.number("publish")
            texts.append("m%d-%s-" % (number, KINDS[number % 3]) + "x" * self.chance.choice((0, 0, 100, 3000)))
        asked = time.monotonic()
        parameters, prefix = {}, "PublishBatchRequestEntries.member.%d."
        for i, text in enumerate(texts, 1):
            here = prefix % i if len(texts) > 1 else ""
            parameters.update({here + "Message": text, here + "MessageAttributes.entry.1.Name": "kind",
                               here + "MessageAttributes.entry.1.Value.DataType": "String",
                               here + "MessageAttributes.entry.1.Value.StringValue": text.split("-")[1]})
            if len(texts) > 1:
                parameters[here + "Id"] = str(i)
        answer = self.wire.sns("PublishBatch" if len(texts) > 1 else "Publish", TopicArn=self.topic, **parameters)
        assert answer.count("<MessageId>") == len(texts), answer
        for name, kinds in (("raw", "abc"), ("filtered", "ac"), ("again", "c")):
            self.books[name].accept([text for text in texts if text.split("-")[1] in kinds], asked)
        self.count("publishes", len(texts))
        time.sleep(self.chance.uniform(0, PAUSE))

    def publish_in_order(self, half):
        """The same until it is answered: what is sent twice within five minutes is one message."""
        group = self.chance.randrange(half, GROUPS, 2)
        text = "g%d:%d" % (group, self.fifo_next[group])
        asked = time.monotonic()
        self.wire.sns("Publish", TopicArn=self.fifo_topic, Message=text, MessageGroupId="g%d" % group, MessageDeduplicationId=text)
        self.fifo.book.accept([text], asked)
        self.fifo_next[group] += 1
        self.count("FIFO publishes")
        time.sleep(self.chance.uniform(0, PAUSE))

    def replay(self):
        """What was published lately, once more."""
        since = time.time() - self.chance.uniform(0.2, 3)
        try:
            self.wire.page("/_fanfare/replay", "POST", subscription=self.again, **{"from": timestamp(since)})
            self.count("replays")
        except Refused as error:
            self.refused["replay %d %s" % (error.status, error.text[:80])] += 1
        time.sleep(0.5)

    # --- Queues.

    def take(self, name, **more):
        book, asked = self.books[name], time.monotonic()
        return [book.take(message, asked) for message in self.wire.receive(book.url, AttributeNames=["All"], **more)]

    def eat(self, name):
        book = self.books[name]
        for message in self.take(name, VisibilityTimeout=book.visibility, WaitTimeSeconds=1):
            book.delete(self.wire, message)
            self.count("deletes")

    def eat_filtered(self):
        book = self.books["filtered"]
        for message in self.take("filtered", VisibilityTimeout=BRIEF, WaitTimeSeconds=1):
            if message["text"].split("-")[1] == "b":
                self.wrongs.add("filter", message["text"][:40])
            if self.chance.random() < 0.7:
                book.delete(self.wire, message)
                self.count("deletes")

    def eat_in_order(self):
        book = self.fifo.book
        messages = self.take("ordered", most=self.chance.choice((1, 3, 10)), VisibilityTimeout=FIFO_VISIBILITY, WaitTimeSeconds=1)
        if not messages:
            return
        trap, self.trap = self.trap, None
        if trap:
            trap()  # killed in the moment of the answer: the lease must be on disk
        self.fifo.took(messages)
        fate = self.chance.random()
        for message in messages:
            if fate < 0.75:
                book.delete(self.wire, message)
                self.count("FIFO deletes")
            elif fate < 0.9:
                self.fifo.let_go(message)
                book.hide(self.wire, message, 0)

    def send(self):
        texts = ["s%d" % self.number("send") for _ in range(self.chance.choice((1, 1, 5, 10)))]
        self.send_to("work", texts, self.chance.choice((0, 0, 0, 1)))
        self.count("sends", len(texts))
        time.sleep(self.chance.uniform(0, PAUSE))

    def send_to(self, name, texts, delay=0):
        book, asked = self.books[name], time.monotonic()
        try:
            if len(texts) == 1:
                self.wire.sqs("SendMessage", QueueUrl=book.url, MessageBody=texts[0], DelaySeconds=delay)
            else:
                answer = self.wire.sqs("SendMessageBatch", QueueUrl=book.url, Entries=[
                    {"Id": str(i), "MessageBody": text, "DelaySeconds": delay} for i, text in enumerate(texts)])
                assert len(answer["Successful"]) == len(texts), answer
        except Lost:
            book.unsure += len(texts)
            raise
        book.accept(texts, asked)

    def send_to_still(self):
        """Nobody receives from it: its count is known at each moment."""
        self.send_to("still", ["still%d" % self.number("still")])
        time.sleep(0.02)

    def work(self):
        book = self.books["work"]
        for message in self.take("work", VisibilityTimeout=30, WaitTimeSeconds=1):
            fate = self.chance.random()
            if fate < 0.6:
                book.delete(self.wire, message)
                self.count("deletes")
            elif fate < 0.75:
                book.hide(self.wire, message, 0)
            else:
                if fate < 0.9:
                    book.hide(self.wire, message, 40)
                self.kept.append((self.round, message))

    def use_kept(self):
        """Receipts of before the restart still are good."""
        while self.kept and self.kept[0][0] < self.round:
            _, message = self.kept.popleft()
            if time.monotonic() - message["asked"] < 25:
                self.books["work"].delete(self.wire, message, 60)
                self.count("receipts used after a restart")
        time.sleep(0.02)

    def move(self):
        more = self.chance.choice(({}, {"MaxNumberOfMessagesPerSecond": 30}))
        try:
            self.wire.sqs("StartMessageMoveTask", SourceArn=ARN % ("sqs", "filtered-dead"), **more)
            self.count("move tasks")
        except Refused as error:
            if "already a task running" not in error.text:
                raise
        time.sleep(0.3)

    def purged_now(self):
        return "purged-%d" % (self.round // 2 % PURGED_QUEUES)

    def send_to_purged(self):
        self.send_to(self.purged_now(), ["p%d" % self.number("purged")])
        time.sleep(0.003)

    def purge(self):
        time.sleep(self.chance.uniform(0.05, 0.6))
        try:
            self.books[self.purged_now()].purge(self.wire)
            self.count("purges")
        except Refused as error:
            if "PurgeQueueInProgress" not in error.text:
                raise

    def eat_purged(self):
        name = "purged-%d" % self.chance.randrange(PURGED_QUEUES)
        for message in self.take(name, VisibilityTimeout=20)[:6]:
            self.books[name].delete(self.wire, message, 20)
        time.sleep(0.05)

    # --- Names that come and go.

    def churn_topic(self):
        name = "topic-%d" % self.number("topic")
        self.there[name] = None
        arn = self.wire.make_topic(name)
        self.there[name] = True
        self.wire.subscribe(arn, "sqs", ARN % ("sqs", "churned"))
        for i in range(3):
            asked = time.monotonic()
            self.wire.sns("Publish", TopicArn=arn, Message="%s-%d" % (name, i))
            self.books["churned"].accept(["%s-%d" % (name, i)], asked)
        if self.chance.random() < 0.95:
            self.there[name] = None
            self.wire.sns("DeleteTopic", TopicArn=arn)
            self.there[name] = False
        self.count("topics churned")
        time.sleep(0.02)

    def churn_queue(self):
        name = "queue-%d" % self.number("queue")
        self.there[name] = None
        url = self.wire.make_queue(name)
        self.there[name] = True
        self.wire.sqs("SendMessage", QueueUrl=url, MessageBody=name)
        if self.chance.random() < 0.95:
            self.there[name] = None
            self.wire.sqs("DeleteQueue", QueueUrl=url)
            self.there[name] = False
        self.count("queues churned")
        time.sleep(0.05)

    # --- After a restart.

    def names(self):
        found, token = set(), {}
        while True:
            page = self.wire.sns("ListTopics", **token)
            found |= set(re.findall(r":(topic-\d+)<", page))
            if "<NextToken>" not in page:
                break
            token = {"NextToken": field(page, "NextToken")}
        token = {}
        while True:
            page = self.wire.sqs("ListQueues", QueueNamePrefix="queue-", MaxResults=1000, **token)
            found |= {url.rpartition("/")[2] for url in page.get("QueueUrls", [])}
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    def check_names(self):
        known = dict(self.there)
        found = self.names()
        for name, is_there in known.items():
            if is_there is not None and self.there[name] is is_there and (name in found) is not is_there:
                self.wrongs.add("name", "%s is %s" % (name, "gone" if is_there else "back"))

    def check_still(self):
        book = self.books["still"]
        least = len(book.accepted)
        counts = self.wire.counts(book.url)
        most = len(book.accepted) + book.unsure + 1
        if not least <= sum(counts) <= most:
            self.wrongs.add("count", "still has %s of %d to %d" % (counts, least, most))


def killer(how):
    """Kills from within a worker."""
    done = threading.Event()

    def kill():
        how()
        done.set()

    kill.done = done
    return kill
