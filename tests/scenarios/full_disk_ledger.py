"""A disk that fills up, by what the server keeps and by what others do: nothing accepted is lost, deletions work while sends are
refused, and what was consumed makes room again within seconds.  Needs a file system of its own: as root on Linux; or is skipped.
full_disk_ledger.py [scenario...]; FULL_DISK_ROUNDS and FULL_DISK_SIZE (160m) for longer ones."""

import contextlib
import itertools
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time

from ledger_book import Book, Wrongs
from support import Daemon, Skipped, main, wait_until
from wire import ARN, Lost, Refused, Wire

ROUNDS, SIZE = int(os.environ.get("FULL_DISK_ROUNDS", 2)), os.environ.get("FULL_DISK_SIZE", "160m")
SIZES = (10, 1000, 30000, 100000, 250000)
WATERMARK = ("--set", "free_space_watermark=8MiB", "--set", "log_level=error")


@contextlib.contextmanager
def small_disk():
    """A tmpfs, where that is allowed."""
    place = tempfile.mkdtemp(prefix="fanfare-disk-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + SIZE, "none", place], capture_output=True, check=False)
    try:
        if mounted.returncode != 0:
            raise Skipped("no file system may be mounted here")
        yield place
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", place], check=True)
        shutil.rmtree(place, ignore_errors=True)


class Trial:
    """A topic's queue, a queue and a FIFO queue, and messages of all sizes for them."""

    def __init__(self, daemon):
        self.daemon, self.wire, self.wrongs, self.numbers = daemon, Wire(daemon), Wrongs(), itertools.count()
        self.chance = random.Random(1)
        make = lambda name, queue, **more: Book(name, self.wire.make_queue(queue, **more), self.wrongs, 600)
        self.books = {"plain": make("plain", "plain"), "fifo": make("fifo", "ordered.fifo", FifoQueue="true"), "topic": make("topic", "fanned")}
        self.topic = self.wire.make_topic("all")
        self.wire.subscribe(self.topic, "sqs", ARN % ("sqs", "fanned"), RawMessageDelivery="true")

    def send(self):
        number = next(self.numbers)
        name = self.chance.choice(list(self.books))
        text, asked, url = "%d-" % number + "x" * self.chance.choice(SIZES), time.monotonic(), self.books[name].url
        if name == "topic":
            self.wire.sns("Publish", TopicArn=self.topic, Message=text)
        elif name == "fifo":
            self.wire.sqs("SendMessage", QueueUrl=url, MessageBody=text, MessageGroupId="g%d" % (number % 3), MessageDeduplicationId=str(number))
        else:
            self.wire.sqs("SendMessage", QueueUrl=url, MessageBody=text)
        self.books[name].accept([text], asked)

    def is_sent(self):
        try:
            self.send()
            return True
        except (Refused, Lost) as error:
            assert self.daemon.process.poll() is None, "the daemon is gone: %s\n%s" % (error, self.daemon.log()[-2000:])
            self.last = str(error)
            return False

    def fill(self, least=1, most=5000):
        """Until for seconds nothing of any size was taken any more: how many were."""
        taken, end = 0, time.monotonic() + 4
        while time.monotonic() < end:
            if self.is_sent():
                taken, end = taken + 1, time.monotonic() + 4
            else:
                time.sleep(0.02)
            assert taken < most, "it never was full"
        assert taken >= least, "only %d were taken, where %d found room before" % (taken, 2 * least)
        return taken

    def consume(self, name, most=1 << 30):
        book, count = self.books[name], 0
        while count < most:
            asked = time.monotonic()
            messages = [book.take(message, asked) for message in self.wire.receive(book.url, AttributeNames=["All"], VisibilityTimeout=600, WaitTimeSeconds=1)]
            if not messages:
                break
            for message in messages:
                book.delete(self.wire, message)
            count += len(messages)
        return count

    def consume_all(self):
        return sum(self.consume(name) for name in self.books)

    def takes_work_again(self, seconds=30):
        began = time.monotonic()
        wait_until(self.is_sent, "a send to be taken again: " + getattr(self, "last", ""), seconds, 0.1)
        return time.monotonic() - began

    def end(self):
        self.consume_all()
        for book in self.books.values():
            book.check()
            assert self.wire.counts(book.url) == (0, 0, 0), (book.name, self.wire.counts(book.url))
        assert not self.wrongs.counts, self.wrongs.texts


@contextlib.contextmanager
def trial():
    with small_disk() as place:
        with Daemon(*WATERMARK, data=os.path.join(place, "data")) as daemon:
            yield Trial(daemon)


def what_was_consumed_makes_room_again():
    with trial() as it:
        taken = 2
        for number in range(ROUNDS):
            taken = it.fill(taken // 2)
            consumed = it.consume_all()
            took = it.takes_work_again()
            print("%d were taken until it was full; %d consumed; a send was taken again after %.1f s" % (taken, consumed, took), flush=True)
        it.end()


def deletions_work_while_it_is_full_and_over_a_kill():
    with trial() as it:
        taken = 2
        for number in range(ROUNDS):
            taken = it.fill(taken // 2)
            assert it.consume("plain", 20) >= 10, "hardly anything was in the queue"
            it.daemon.kill()
            it.daemon.start()
            it.wire.forget()
            it.fill(0)
            for name in it.books:
                it.consume(name, 10)
            it.consume_all()
            it.takes_work_again()
        it.end()


def others_fill_the_disk_and_go_away():
    """To the last byte: then even a deletion may find no room, and says so."""
    with trial() as it:
        ballast = os.path.join(os.path.dirname(it.daemon.data), "ballast")
        for _ in range(ROUNDS):
            for _ in range(20):
                it.send()
            with open(ballast, "wb", buffering=0) as file:
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * 65536)
            it.fill(0)
            try:
                it.consume("topic", 10)
            except Refused as error:
                assert error.status >= 500, error
                print("a deletion found no room: %s" % error)
            os.unlink(ballast)
            it.takes_work_again()
        it.end()


def a_limit_of_file_sizes_is_a_full_disk_and_no_death():
    """SIGXFSZ kills who does not expect it; the limit comes and goes while it runs."""
    with Daemon("--set", "log_level=error") as daemon:
        it = Trial(daemon)
        for _ in range(20):
            it.send()
        unlimited = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
        largest = max(os.stat(os.path.join(daemon.data, name)).st_size for name in os.listdir(daemon.data))
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (largest, unlimited[1]))
        for _ in range(1500):  # more than a part of the log holds
            it.is_sent()
        assert daemon.process.poll() is None, "it died: %s" % daemon.process.returncode
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, unlimited)
        it.takes_work_again()
        it.end()


main([what_was_consumed_makes_room_again, deletions_work_while_it_is_full_and_over_a_kill, others_fill_the_disk_and_go_away,
      a_limit_of_file_sizes_is_a_full_disk_and_no_death])
