"""Mail into npm's maildev, a relay that other people wrote, and out again as its parser read it."""

import json
import os
import re
import subprocess
import urllib.request

from support import Daemon, free_port, main, wait_until

MAILDEV = os.path.join(os.environ.get("NODE_MODULES", os.path.join(os.path.dirname(os.path.abspath(__file__)), "js",
                                                                   "node_modules")), ".bin", "maildev")


def maildev_reads_what_was_published():
    smtp, web = free_port(), free_port()
    relay = subprocess.Popen([MAILDEV, "--ip", "127.0.0.1", "--smtp", str(smtp), "--web", str(web), "--web-ip", "127.0.0.1"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def mails():
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/email" % web, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    try:
        wait_until(lambda: mails() is not None, "maildev", 60)
        options = {"host": "127.0.0.1", "port": smtp, "tls": "none", "from": "alerts@fanfare.example"}
        with Daemon(*[a for name in options for a in ("--set", "smtp.%s=%s" % (name, options[name]))]) as daemon:
            sns = daemon.client("sns")
            topic = sns.create_topic(Name="alerts", Attributes={"DisplayName": "Wärme"})["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.net")
            asked = wait_until(mails, "the mail that asks")[0]
            link = re.search(r"http://\S+/_fanfare/confirm\S+", asked["text"]).group(0)
            with urllib.request.urlopen(link, b"") as answer:
                assert answer.status == 200
            body = "größer\n.\n漢字 <b>&</b>"
            sns.publish(TopicArn=topic, Subject="Störung 🔥", Message=body)
            mail = wait_until(lambda: mails()[1:], "the notification")[0]
            assert mail["subject"] == "Störung 🔥" and mail["text"].startswith(body), mail
            assert "&lt;b&gt;" in mail["html"] and mail["from"] == [{"address": "alerts@fanfare.example", "name": "Wärme"}]
            assert mail["headers"]["list-unsubscribe-post"] == "List-Unsubscribe=One-Click", mail["headers"]
    finally:
        relay.terminate()
        relay.wait(20)


main([maildev_reads_what_was_published])
