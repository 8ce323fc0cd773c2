"""What clients know of one queue's messages, by their texts, and what may not be seen after that."""

import collections
import json
import threading
import time

SLACK = 0.5  # seconds between the server's clock and a client's reading of it


def text_of(body):
    """A message's own text, out of the envelope if there is one."""
    return json.loads(body)["Message"] if body.startswith("{") else body


class Wrongs:
    """What was seen and may not be: all are counted, a few of each kind told at once."""

    def __init__(self):
        self.counts, self.texts, self.lock, self.round = collections.Counter(), [], threading.Lock(), 0

    def add(self, kind, text):
        with self.lock:
            self.counts[kind] += 1
            if self.counts[kind] < 6:
                self.texts.append("round %d: %s: %s" % (self.round, kind, text))
                print("!! " + self.texts[-1], flush=True)


class Book:
    def __init__(self, name, url, wrongs, visibility=30):
        self.name, self.url, self.wrongs, self.visibility = name, url, wrongs, visibility
        self.may_return = False  # a text, as another message: replayed, or attempted once more after a kill
        self.lock = threading.RLock()
        self.accepted = {}  # answered 200: (asked, answered)
        self.unsure = 0     # sends without an answer
        self.seen = collections.Counter()
        self.tried = set()  # a deletion was asked
        self.deleted = {}   # a deletion was answered: when
        self.latest = {}    # the latest receipt
        self.hidden = {}    # until when a change of visibility keeps it away
        self.purges = []    # (asked, over, was answered)

    def accept(self, texts, asked):
        with self.lock:
            for text in texts:
                self.accepted[text] = (asked, time.monotonic())

    def take(self, message, asked):
        """A message that a receive brought, which was asked for then."""
        text, came = text_of(message["Body"]), time.monotonic()
        with self.lock:
            if self.deleted.get(text, asked) < asked and not self.may_return:
                self.wrongs.add("deleted and came back", "%s of %s, receive count %s" % (
                    text[:40], self.name, message["Attributes"]["ApproximateReceiveCount"]))
            if text not in self.deleted and came < self.hidden.get(text, 0) - SLACK:
                self.wrongs.add("visible too early", "%s of %s, by %.1f s" % (text[:40], self.name, self.hidden[text] - came))
            if self.is_purged(text, asked):
                self.wrongs.add("purged and came back", "%s of %s" % (text[:40], self.name))
            self.seen[text] += 1
            self.latest[text] = message["ReceiptHandle"]
            self.hidden.pop(text, None)
        message.update(text=text, asked=asked)
        return message

    def delete(self, wire, message, visibility=None):
        """One deletion.  Only that of the latest receipt, well within its time, must be heard of no more."""
        with self.lock:
            self.tried.add(message["text"])
        wire.sqs("DeleteMessage", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        now = time.monotonic()
        with self.lock:
            if self.latest.get(message["text"]) == message["ReceiptHandle"] and now - message["asked"] < (visibility or self.visibility) / 2:
                self.deleted[message["text"]] = now
                self.hidden.pop(message["text"], None)

    def hide(self, wire, message, seconds):
        asked = time.monotonic()
        wire.sqs("ChangeMessageVisibility", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds)
        with self.lock:
            message["asked"] = asked
            if seconds > 0:
                self.hidden[message["text"]] = asked + seconds

    def purge(self, wire):
        asked, answered = time.monotonic(), False
        try:
            wire.sqs("PurgeQueue", QueueUrl=self.url)
            answered = True
        finally:
            with self.lock:
                self.purges.append((asked, time.monotonic(), answered))

    def is_purged(self, text, asked):
        """Surely: sent before a purge was asked for, and received after it was answered."""
        sent = self.accepted.get(text)
        return sent is not None and any(answered and sent[1] < began and over < asked for began, over, answered in self.purges)

    def may_be_purged(self, text):
        return any(over > self.accepted[text][0] for _, over, _ in self.purges)

    def check(self, *others):
        """In the end, when nothing is left in the queue nor in the others where its messages may have ended."""
        seen = set(self.seen).union(*[set(other.seen) for other in others])
        lost = [text for text in self.accepted if text not in seen and not self.may_be_purged(text)]
        if lost:
            self.wrongs.add("lost", "%d of %d of %s, as %s" % (len(lost), len(self.accepted), self.name, [text[:40] for text in lost[:3]]))


class Groups:
    """Order and locks of a FIFO queue's groups; a text is "group:number"."""

    def __init__(self, book, visibility):
        self.book, self.visibility, self.held = book, visibility, {}

    def took(self, messages):
        """What one receive brought, in its order."""
        texts, book = [message["text"] for message in messages], self.book
        with book.lock:
            for at, text in enumerate(texts):
                group, number = text.split(":")
                held = self.held.get(group)
                if held and time.monotonic() < held[1] - SLACK and held[0] < messages[at]["asked"] and held[2] - book.tried:
                    book.wrongs.add("a group that somebody holds", "%s, while %s are lent" % (text, sorted(held[2] - book.tried)[:3]))
                for older in range(int(number) - 1, 0, -1):
                    name = "%s:%d" % (group, older)
                    if name in book.tried:
                        break  # all before it were tried, too, or this was said already
                    if name in book.accepted and name not in texts[:at]:
                        book.wrongs.add("order", "%s came before %s" % (text, name))
                        break
            for group in {text.split(":")[0] for text in texts}:
                mine = {text for text in texts if text.split(":")[0] == group}
                self.held[group] = (time.monotonic(), messages[0]["asked"] + self.visibility, mine)

    def let_go(self, message):
        with self.book.lock:
            self.held.pop(message["text"].split(":")[0], None)
