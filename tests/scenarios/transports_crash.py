"""kill -9 again and again while every delivery fails, then while they succeed: whatever the transport, nothing is lost."""

import email
import email.policy
import json
import logging
import os
import re
import sys
import tempfile
import time

from aiosmtpd.controller import Controller

from foreign import StandIn
from support import Daemon, Endpoint, free_port, main, wait_until

logging.getLogger("mail.log").setLevel(logging.CRITICAL)
OFTEN = ",".join(["1s"] * 48)
ROUNDS = 6
MESSAGES = 20  # a round


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


class Http:
    def __init__(self, folder):
        self.hook = Endpoint(answers=[503])
        self.options, self.protocol, self.endpoint = [], "http", self.hook.url

    def heal(self):
        self.hook.answers = [200]

    def taken(self):
        return b" ".join(self.hook.bodies()).decode() if self.hook.answers == [200] else ""

    def close(self):
        self.hook.close()


class Queue:
    def __init__(self, folder):
        self.there = StandIn(error=(503, "ServiceUnavailable"))
        self.options = ["sqs.servers=" + json.dumps({"there": {"url": self.there.url}})]
        self.protocol, self.endpoint = "sqs", self.there.url + "/1/q"

    def heal(self):
        self.there.error = None

    def taken(self):
        return " ".join(self.there.bodies())

    def close(self):
        self.there.close()


class Command:
    def __init__(self, folder):
        self.folder = folder
        script = os.path.join(folder, "hook")
        with open(script, "w") as file:
            file.write("#!/bin/sh\ncd %s\n[ -e go ] || exit 75\nexec cat >> taken\n" % folder)
        os.chmod(script, 0o755)
        self.options = ["exec.commands=" + json.dumps({"hook": {"command": [script]}})]
        self.protocol, self.endpoint = "exec", "hook"

    def heal(self):
        open(os.path.join(self.folder, "go"), "w").close()

    def taken(self):
        return read(os.path.join(self.folder, "taken"))

    def close(self):
        pass


class Spool:
    """Its file's folder is not there at first."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "spool")
        self.file = os.path.join(self.folder, "sms.jsonl")
        self.options = ["sms.spool_file=" + self.file]
        self.protocol, self.endpoint = "sms", "+41790000000"

    def heal(self):
        os.mkdir(self.folder)

    def taken(self):
        return read(self.file)

    def close(self):
        pass


class Mail:
    def __init__(self, folder):
        self.is_well, self.mails = False, []
        relay = self

        class Handler:
            async def handle_RCPT(self, server, session, envelope, address, options):
                if not relay.is_well:
                    return "451 4.3.0 come back later"
                envelope.rcpt_tos.append(address)
                return "250 OK"

            async def handle_DATA(self, server, session, envelope):
                mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
                relay.mails.append(mail.get_body(("plain",)).get_content())
                return "250 OK"

        self.controller = Controller(Handler(), hostname="127.0.0.1", port=free_port())
        self.controller.start()
        self.options = ["smtp.host=127.0.0.1", "smtp.port=%d" % self.controller.port, "smtp.tls=none", "smtp.from=hub@example.net"]
        self.protocol, self.endpoint = "email", "reader@example.net"

    def heal(self):
        self.is_well = True

    def taken(self):
        return " ".join(self.mails)

    def close(self):
        self.controller.stop()


def survives(transport):
    with tempfile.TemporaryDirectory() as folder:
        there = transport(folder)
        arguments = [word for option in there.options for word in ("--set", option)]
        try:
            with Daemon(*arguments) as daemon:
                drive(daemon, there)
        finally:
            there.close()


def drive(daemon, there):
    topic = daemon.client("sns").create_topic(Name="crashes")["TopicArn"]
    daemon.client("sns").subscribe(TopicArn=topic, Protocol=there.protocol, Endpoint=there.endpoint, Attributes={
        "Fanfare.RetrySchedule": OFTEN, "Fanfare.Confirmed": "true"})
    sent = set()
    for round in range(ROUNDS):
        sns = daemon.client("sns")
        for _ in range(MESSAGES):
            word = "word%dend" % len(sent)
            sns.publish(TopicArn=topic, Message="a " + word)
            sent.add(word)
        if round == 0:
            wait_until(lambda: "delivery_retry" in daemon.log(), "a failure", 30)
        if round == ROUNDS // 2:
            there.heal()
        time.sleep(0.1 * round)
        daemon.kill()
        daemon.start()
    missing = lambda: sent - set(re.findall(r"word\d+end", there.taken()))
    try:
        wait_until(lambda: not missing(), "every message", 120, every=0.3)
    except AssertionError:
        print("%s never saw %s" % (there.protocol, sorted(missing())), file=sys.stderr)
        raise


def http():
    survives(Http)


def smtp():
    survives(Mail)


def sms_spool():
    survives(Spool)


def foreign_sqs():
    survives(Queue)


def exec_command():
    survives(Command)


main([http, smtp, sms_spool, foreign_sqs, exec_command])
