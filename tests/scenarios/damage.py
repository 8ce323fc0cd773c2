"""Damage by chance in the data directory: what was acknowledged is there, or it is said what is not; never a crash
without words, never a body that is another one under an MD5 that fits.  Usage: damage.py [trials] [first seed]."""

import contextlib
import glob
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

from support import Daemon

TRIALS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
MESSAGES = 120


def body(number):
    size = [40, 900, 3000, 20000][number % 4]
    return ("message %d " % number).ljust(size, "abcdefghij"[number % 10])


SENT = {body(i) for i in range(MESSAGES)}


def make(engine, is_killed):
    """A directory with a queue of messages, ended in order or killed."""
    data = tempfile.mkdtemp(prefix="fanfare-test-")
    daemon = Daemon("--set", "engine=" + engine, data=data).start()
    sqs = daemon.client("sqs")
    url = sqs.create_queue(QueueName="damage")["QueueUrl"]
    for number in range(MESSAGES):
        sqs.send_message(QueueUrl=url, MessageBody=body(number))
    daemon.kill() if is_killed else daemon.stop()
    return data


def damage(chance, data):
    """One kind of damage to one file; returns what it was."""
    path = chance.choice(sorted(glob.glob(data + "/data.mdb") * 3 + glob.glob(data + "/changes.*")))
    size = os.path.getsize(path)
    kind = chance.choice(["flip", "flip", "flip", "zero", "random", "cut", "empty", "gone"])
    at = chance.randrange(max(size, 1))
    if kind == "gone":
        os.remove(path)
    elif kind in ("cut", "empty"):
        os.truncate(path, at if kind == "cut" else 0)
    else:
        with open(path, "r+b") as file:
            file.seek(at)
            old = file.read(1 if kind == "flip" else chance.choice([16, 512, 4096]))
            file.seek(at)
            file.write({"flip": lambda: bytes(b ^ 1 << chance.randrange(8) for b in old), "zero": lambda: bytes(len(old)),
                        "random": lambda: chance.randbytes(len(old))}[kind]())
    return "%s %s at %d of %d" % (kind, os.path.basename(path), at, size)


def receive_all(sqs):
    got = set()
    url = sqs.get_queue_url(QueueName="damage")["QueueUrl"]
    empty = 0
    while empty < 2:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        empty = 0 if messages else empty + 1
        for message in messages:
            assert message["MD5OfBody"] == hashlib.md5(message["Body"].encode()).hexdigest()
            assert message["Body"] in SENT, "a body that nobody sent, and its MD5 fits"
            got.add(message["Body"])
    return got


def says(log):
    """Words that no start of a sound directory has (main looks at that first)."""
    dropped = re.search(r"dropped_bytes=(\d+)", log)
    return (dropped is not None and int(dropped.group(1)) > 0) or any(
        word in log for word in ("damaged", "missing", "was cut", "restore", "cannot be", "cell_reload"))


def look_at_sound(data, engine):
    """What the trials rest on: undamaged, all is there and nothing is said."""
    daemon = Daemon("--set", "engine=" + engine, data=data).start()
    try:
        assert receive_all(daemon.client("sqs")) == SENT
        assert not says(daemon.log()), daemon.log()
    finally:
        daemon.kill()
        daemon.logged.close()


def trial(data, engine):
    """How it ended: refused, told, or harmless."""
    daemon = Daemon("--set", "engine=" + engine, data=data)
    try:
        try:
            daemon.start()
            got = receive_all(daemon.client("sqs"))
        except AssertionError as error:
            if "nobody sent" in str(error):
                raise
            got = set()
        except Exception:  # the client's: the server answered with an error, or is gone
            got = set()
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.process.wait(3)  # it may be about to say so
        code = daemon.process.poll()
        log = daemon.log()
        if got == SENT and code is None:
            return "harmless"
        assert says(log), "silence: %d of %d messages, code %s\n%s" % (len(got), MESSAGES, code, log[-2000:])
        return "told" if code is None else "refused" if code > 0 else "ended with words by signal %d" % -code
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
        daemon.logged.close()


def main():
    counts = {}
    failures = []
    bases = [(engine, make(engine, killed)) for engine in ("log", "lmdb") for killed in (False, True)]
    for engine, base in bases:
        data = tempfile.mkdtemp(prefix="fanfare-test-")
        shutil.copytree(base, data, dirs_exist_ok=True)
        look_at_sound(data, engine)
        shutil.rmtree(data, ignore_errors=True)
    for seed in range(FIRST, FIRST + TRIALS):
        chance = random.Random(seed)
        engine, base = chance.choice(bases)
        data = tempfile.mkdtemp(prefix="fanfare-test-")
        shutil.copytree(base, data, dirs_exist_ok=True)
        what = damage(chance, data)
        try:
            end = trial(data, engine)
        except AssertionError as error:
            end = "FAILED"
            failures.append("seed %d, engine %s, %s: %s" % (seed, engine, what, error))
        counts[end] = counts.get(end, 0) + 1
        shutil.rmtree(data, ignore_errors=True)
    for _, base in bases:
        shutil.rmtree(base, ignore_errors=True)
    print("%d trials: %s" % (TRIALS, ", ".join("%s %d" % pair for pair in sorted(counts.items()))))
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
