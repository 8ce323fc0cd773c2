"""kill -9 amid everything that clients do, with a book of what was answered: what was answered 200 is delivered, in its dead
letters, or waiting; no acknowledged deletion comes back; FIFO groups keep order and lock; in the end all counts are 0.
ledger.py [rounds] [seed] [power]; power: each kill cuts the power, too, and what was not synced is lost (as root).
Options for the daemon in LEDGER_OPTIONS."""

import json
import os
import random
import signal
import sys
import threading
import time

import power_disk
from ledger_load import Load, killer
from support import Daemon, wait_until
from wire import ARN, Lost

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
SEED = int(sys.argv[2]) if len(sys.argv) > 2 and int(sys.argv[2]) else int(time.time())
HAS_POWER = "power" in sys.argv


class Kills:
    """How the daemon dies, and how long it needs to be back."""

    def __init__(self, daemon, load, chance, disk=None):
        self.daemon, self.load, self.chance, self.disk = daemon, load, chance, disk
        self.starts, self.early, self.pauses, self.trapped = [], 0, 0, 0

    def die(self):
        if self.disk:
            self.disk.cut()
            time.sleep(self.chance.uniform(0, 0.1))
        self.daemon.kill()
        if self.disk:
            self.disk.back()

    def start(self):
        began = time.monotonic()
        self.daemon.start(60)
        self.starts.append(time.monotonic() - began)

    def pause(self):
        self.daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.1, 1.5))
        self.daemon.process.send_signal(signal.SIGCONT)
        self.pauses += 1

    def die_at_an_answer(self):
        """The moment in which a FIFO receive is answered."""
        self.load.trap = trap = killer(self.disk.cut if self.disk else self.daemon.process.kill)
        self.trapped += trap.done.wait(3)
        self.load.trap = None
        self.die()  # a second cut is none

    def die_while_starting(self):
        self.die()
        self.daemon.process = self.daemon.spawn()
        time.sleep(self.chance.uniform(0.005, 0.15))
        self.die()
        self.early += 1

    def round(self, number):
        self.load.round = self.load.wrongs.round = number
        time.sleep(self.chance.uniform(0.01, 0.6 if number % 2 else 1.2))
        if number % 4 == 3:
            self.pause()
        if number % 5 == 4:
            self.die_while_starting()
        elif number % 5 == 2:
            self.die_at_an_answer()
        else:
            self.die()
        self.start()

    def told(self):
        starts = sorted(self.starts)
        return "%d starts, median %.2f s, longest %.2f s; killed %d times while starting, %d times at an answer; %d pauses" % (
            len(starts), starts[len(starts) // 2], starts[-1], self.early, self.trapped, self.pauses)


def patiently(ask):
    """For the checks between rounds, whose connection the last kill has broken."""
    for _ in range(5):
        try:
            return ask()
        except Lost:
            time.sleep(0.01)
    return ask()


def empty(load, name, seconds=150):
    """Receives and deletes until the queue says that nothing is left."""
    book, wire = load.books[name], load.wire
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        messages = patiently(lambda: load.take(name, VisibilityTimeout=30, WaitTimeSeconds=1))
        if messages:
            failed = wire.delete(book.url, messages)
            if failed:
                load.wrongs.add("deletion in the end", str(failed)[:200])
            for message in messages:
                book.tried.add(message["text"])
                book.deleted[message["text"]] = time.monotonic()
        elif wire.counts(book.url) == (0, 0, 0):
            return
    load.wrongs.add("count in the end", "%s has %s" % (name, wire.counts(book.url)))


def all_empty(load, names):
    threads = [threading.Thread(target=empty, args=(load, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def drain(load):
    wanted = set(load.books["filtered"].accepted)  # what the webhooks want, too
    end = time.monotonic() + 150
    good, bad = load.books["good-dead"], load.books["bad-dead"]
    while time.monotonic() < end and not (wanted <= set(load.good.got) | set(good.seen) and wanted <= set(load.bad.got) | set(bad.seen)):
        empty(load, "bad-dead")
        time.sleep(0.2)
    all_empty(load, [name for name in load.books if not name.startswith("filtered")])
    for _ in range(2):  # a move task may be under way
        all_empty(load, ["filtered", "filtered-dead"])
    for hook, name, dead in ((load.good, "good", good), (load.bad, "bad", bad)):
        lost = wanted - set(hook.got) - set(dead.seen)
        if lost:
            load.wrongs.add("lost", "%d of the %s webhook's, as %s" % (len(lost), name, [text[:30] for text in list(lost)[:3]]))


def everything_from_the_history(load):
    """A queue that comes late gets all that was ever published, by one replay."""
    late, wire = load.book("late"), load.wire
    arn = wire.subscribe(load.topic, "sqs", ARN % ("sqs", "late"), RawMessageDelivery="true")
    late.accepted = dict(load.books["raw"].accepted)
    [replay] = json.loads(wire.page("/_fanfare/replay", "POST", subscription=arn))["replays"]
    end = time.monotonic() + 120
    while time.monotonic() < end:
        empty(load, "late")
        [now] = json.loads(wire.page("/_fanfare/replay", replay=replay["replay_id"]))["replays"]
        if now["state"] == "completed":
            break
    empty(load, "late")
    late.check()
    return now


def a_move_task_goes_on(load, kills):
    """A slow one, killed on its way: the same task, further on."""
    wire, dead = load.wire, load.books["filtered-dead"]
    target, source = load.book("target"), ARN % ("sqs", "filtered-dead")
    tasks = lambda: patiently(lambda: wire.sqs("ListMessageMoveTasks", SourceArn=source, MaxResults=10)["Results"][0])
    texts = ["moved-%d" % i for i in range(30)]
    target.accept(texts, time.monotonic())
    for text in texts:
        patiently(lambda: wire.sqs("SendMessage", QueueUrl=dead.url, MessageBody=text))
    handle = wire.sqs("StartMessageMoveTask", SourceArn=source, DestinationArn=ARN % ("sqs", "target"), MaxNumberOfMessagesPerSecond=10)["TaskHandle"]
    wait_until(lambda: tasks()["ApproximateNumberOfMessagesMoved"] >= 5, "the first to be moved")
    moved = tasks()["ApproximateNumberOfMessagesMoved"]
    kills.die()
    kills.start()
    now = tasks()
    assert now["Status"] == "RUNNING" and now["TaskHandle"] == handle, now
    assert now["ApproximateNumberOfMessagesMoved"] >= moved - 10, (now, moved)
    wait_until(lambda: tasks()["Status"] == "COMPLETED", "the task's end", 60, 0.2)
    empty(load, "target")
    target.check()


def nothing_is_left(load, how):
    for name, book in load.books.items():
        counts = patiently(lambda: load.wire.counts(book.url))
        if counts != (0, 0, 0) or patiently(lambda: load.take(name)):
            load.wrongs.add("count after " + how, "%s has %s" % (name, counts))


def check(load):
    load.check_names()
    books = load.books
    for name, book in books.items():
        if not name.endswith("-dead"):
            book.check(*([books["filtered-dead"]] if name == "filtered" else []))
    told = everything_from_the_history(load)
    print("a replay of all: looked at %d, sent %d" % (told["looked_at"], told["sent"]), flush=True)


def tell(load, kills):
    for what, count in sorted(load.done.items()):
        print("%9d %s" % (count, what))
    for what, count in sorted(load.refused.items()):
        print("%9d refused: %s" % (count, what))
    print(kills.told(), flush=True)
    for what in ("publishes", "FIFO publishes", "sends", "deletes", "FIFO deletes", "receipts used after a restart", "purges",
                 "move tasks", "topics churned", "queues churned", "replays"):
        assert load.done[what] > 0, "none: " + what


def run(disk=None):
    chance = random.Random(SEED)
    print("seed %d, %d rounds%s" % (SEED, ROUNDS, " of power cuts" if disk else ""), flush=True)
    with Daemon("--set", "dev=true", "--set", "log_level=error", *os.environ.get("LEDGER_OPTIONS", "").split(),
                data=os.path.join(disk.place, "data") if disk else None) as daemon:
        load = Load(daemon, SEED + 1)
        load.prepare()
        kills = Kills(daemon, load, chance, disk)
        load.start()
        for number in range(ROUNDS):
            kills.round(number)
            patiently(load.check_still)
            if number % 10 == 9:
                patiently(load.check_names)
                print("round %d: %d publishes, %d sends, %d deletes, %d wrong" % (
                    number, load.done["publishes"], load.done["sends"], load.done["deletes"], sum(load.wrongs.counts.values())), flush=True)
        load.round += 1
        load.stop()
        began = time.monotonic()
        drain(load)
        check(load)
        print("drained in %.1f s" % (time.monotonic() - began), flush=True)
        a_move_task_goes_on(load, kills)
        kills.die()
        kills.start()
        nothing_is_left(load, "a kill")
        assert daemon.stop() == 0, "SIGTERM"
        kills.start()
        nothing_is_left(load, "a stop")
        tell(load, kills)
        assert not load.wrongs.counts, "%s\n%s" % (dict(load.wrongs.counts), "\n".join(load.wrongs.texts))
        assert daemon.stop() == 0, "SIGTERM"
    print("ok")


def main():
    if not HAS_POWER:
        return run()
    disk = power_disk.make()
    try:
        run(disk)
    finally:
        disk.close()


main()
