"""Mail through a real relay (python3-aiosmtpd; maildev too where npm has it): what arrives, what is retried, what a
reader can do with the links, and what nobody can smuggle in."""

import email
import email.policy
import html
import json
import logging
import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from support import Daemon, drain, expect_error, free_port, main, make_queue, wait_until

logging.getLogger("mail.log").setLevel(logging.CRITICAL)
FAST = "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"


class Relay:
    """Takes mails.  `replies` are used up one by one, at "RCPT", "DATA" or "MAIL"; then all is well."""

    def __init__(self, port=0, replies=(), at="RCPT", **options):
        self.replies, self.at = list(replies), at
        self.mails, self.offered, self.refused, self.connections, self.peers = [], [], [], 0, set()
        self.port = port or free_port()
        relay = self

        class Handler:
            async def handle_EHLO(self, server, session, envelope, hostname, responses):
                session.host_name = hostname
                if session.peer not in relay.peers:  # EHLO comes twice with STARTTLS
                    relay.peers.add(session.peer)
                    relay.connections += 1
                return responses

            def reply(self, at, what):
                if relay.at == at and relay.replies:
                    reply = relay.replies.pop(0)
                    if reply:
                        relay.refused.append((time.time(), what, reply))
                        return reply
                return None

            async def handle_MAIL(self, server, session, envelope, address, options):
                envelope.mail_from = address
                envelope.mail_options.extend(options)
                return self.reply("MAIL", address) or "250 OK"

            async def handle_RCPT(self, server, session, envelope, address, options):
                reply = self.reply("RCPT", address)
                if reply is None:
                    envelope.rcpt_tos.append(address)
                return reply or "250 OK"

            async def handle_DATA(self, server, session, envelope):
                relay.offered.append(envelope.content)
                reply = self.reply("DATA", envelope.rcpt_tos)
                if reply is None:
                    relay.mails.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
                return reply or "250 taken"

        self.controller = Controller(Handler(), hostname="127.0.0.1", port=self.port, **options)
        self.controller.start()

    def parsed(self):
        return [email.message_from_bytes(content, policy=email.policy.default) for _, _, content in self.mails]

    def notifications(self):
        return [m for m in self.parsed() if "Subscription Confirmation" not in str(m["Subject"])]

    def close(self):
        self.controller.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def daemon_for(port, *arguments, tls="none", **options):
    given = dict(host="127.0.0.1", port=port, tls=tls, **{"from": "alerts@fanfare.example"}, **options)
    return Daemon(*[a for name, value in given.items() for a in ("--set", "smtp.%s=%s" % (name, value))], *arguments)


def text_of(mail):
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def link_in(mail):
    return re.search(r"^(http://\S+/_fanfare/\S+)$", text_of(mail), re.M).group(1)


def fetch(url, data=None):
    try:
        with urllib.request.urlopen(url, data) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def subscribed(daemon, relay, address="reader@example.net", protocol="email", topic="alerts", **attributes):
    """A confirmed subscription: by the link of the mail, as a person does it."""
    sns = daemon.client("sns")
    topic = sns.create_topic(Name=topic, Attributes={"DisplayName": "Wärme & Licht"})["TopicArn"]
    before = len(relay.mails)
    arn = sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=address, ReturnSubscriptionArn=True,
                        Attributes=attributes)["SubscriptionArn"]
    wait_until(lambda: len(relay.mails) > before, "the mail that asks for confirmation")
    mail = relay.parsed()[-1]
    if protocol == "email-json":
        assert fetch(json.loads(text_of(mail))["SubscribeURL"])[0] == 200
    else:
        assert fetch(link_in(mail), b"")[0] == 200
    found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert found["PendingConfirmation"] == "false", found
    return sns, topic, arn


def a_reader_confirms_by_the_link_and_not_by_looking():
    with Relay() as relay, daemon_for(relay.port) as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="asked")["TopicArn"]
        answer = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.net")
        assert answer["SubscriptionArn"] == "pending confirmation"
        wait_until(lambda: relay.mails, "the mail")
        sender, recipients, _ = relay.mails[0]
        mail = relay.parsed()[0]
        assert (sender, recipients) == ("alerts@fanfare.example", ["reader@example.net"])
        assert mail["Subject"] == "AWS Notification - Subscription Confirmation"
        link = link_in(mail)
        assert html.escape(link) in mail.get_body(("html",)).get_content()
        pending = lambda: sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsPending"]
        status, page, headers = fetch(link)  # a scanner looks at it
        assert status == 200 and "<form method=\"post\">" in page and topic in page, page
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert pending() == "1"
        status, page, _ = fetch(link, b"")  # a person presses the button
        assert status == 200 and "confirmed" in page, page
        assert pending() == "0"
        arn = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]
        found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert not [name for name in found if name.startswith("fanfare.")], found
        status, page, _ = fetch(link[:-2] + "00", b"")
        assert status == 400 and "not valid" in page, page
        status, page, _ = fetch(daemon.url + "/_fanfare/confirm?TopicArn=%3Cscript%3E&Token=%22", b"")
        assert status == 400 and "<script>" not in page and "&lt;script&gt;" in page, page


def a_mail_says_what_was_published_in_any_script():
    with Relay() as relay, daemon_for(relay.port) as daemon:
        sns, topic, arn = subscribed(daemon, relay)
        subject = "Heizung – 停電 🔥 " + "x" * 60
        body = ".\n..dots\nWörter & <b>Zeichen</b>\r\n" + "lang " * 400 + "\nEnde  \n" + "=3D\n" + "漢字" * 10
        message_id = sns.publish(TopicArn=topic, Subject=subject, Message=body)["MessageId"]
        sns.publish(TopicArn=topic, Message="漢字かな" * 500)
        sns.publish(TopicArn=topic, Message="kurz", Subject="plain")
        wait_until(lambda: len(relay.notifications()) == 3, "three mails")
        mail, chinese, plain = sorted(relay.notifications(), key=lambda m: (m["Subject"] != subject,
                                                                             m["Subject"] == "plain"))
        assert mail["Subject"] == subject, mail["Subject"]
        assert text_of(mail).startswith(body.replace("\r\n", "\n")), text_of(mail)
        assert "<b>" not in mail.get_body(("html",)).get_content()
        assert "&lt;b&gt;Zeichen" in mail.get_body(("html",)).get_content()
        assert mail.get_content_type() == "multipart/alternative"
        assert [p.get_content_type() for p in mail.iter_parts()] == ["text/plain", "text/html"]
        assert mail["From"].addresses[0].display_name == "Wärme & Licht", mail["From"]
        assert mail["From"].addresses[0].addr_spec == "alerts@fanfare.example"
        assert message_id in mail["Message-ID"] and arn.rsplit(":", 1)[1] in mail["Message-ID"]
        assert mail["Auto-Submitted"] == "auto-generated"
        assert abs(mail["Date"].datetime.timestamp() - time.time()) < 120
        assert chinese["Subject"] == "Wärme & Licht" and text_of(chinese).startswith("漢字かな" * 500)
        assert plain["Subject"] == "plain"
        for _, _, content in relay.mails:
            lines = content.split(b"\r\n")
            assert max(map(len, lines)) <= 998 and b"\n" not in b"".join(lines) and b"\r" not in b"".join(lines)
            content.decode("ascii")


def email_json_is_the_envelope():
    with Relay() as relay, daemon_for(relay.port) as daemon:
        sns, topic, arn = subscribed(daemon, relay, protocol="email-json")
        sns.publish(TopicArn=topic, Message="größer", Subject="s",
                    MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
        wait_until(lambda: relay.notifications(), "the mail")
        envelope = json.loads(text_of(relay.notifications()[0]))
        assert envelope["Message"] == "größer" and envelope["Type"] == "Notification" and envelope["Signature"]
        assert envelope["MessageAttributes"] == {"a": {"Type": "String", "Value": "b"}}
        assert relay.notifications()[0]["List-Unsubscribe"]


def nothing_can_be_smuggled_into_a_mail():
    with Relay() as relay, daemon_for(relay.port) as daemon:
        sns, topic, _ = subscribed(daemon, relay)
        for subject in ("a\r\nBcc: x@example.net", "a\nb", "a\0b", "a\x7fb"):
            expect_error("InvalidParameter", sns.publish, TopicArn=topic, Message="m", Subject=subject)
        for address in ("a@b@c", "a b@example.net", "a@example.net\r\nRCPT TO:<x@example.net>", "a@[127.0.0.1]",
                        "a%b@example.net", "host!a@example.net", "\"a\"@example.net", "-oQ@example.net", "<a@b.example>",
                        "a@b..c", "@example.net", "a@", "a..b@example.net", "ä@example.net", "a@exämple.net",
                        "x" * 65 + "@example.net", "a@" + "b" * 64 + ".example", "a@" + "b." * 130 + "example",
                        "a,b@example.net", "a@example.net>", "a@example.net SIZE=1"):
            text = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="email", Endpoint=address)
            assert text.startswith("Invalid parameter: "), text
        # What may be said stays in its place.
        sns.publish(TopicArn=topic, Subject="=?UTF-8?B?QQ==?= \u2028 x\u0085Bcc: y@example.net",
                    Message="body\r\n.\r\nMAIL FROM:<evil@example.net>\r\n\r\n--=_x\n.\n")
        wait_until(lambda: relay.notifications(), "the mail")
        mail = relay.notifications()[0]
        assert mail["Bcc"] is None and len(relay.mails) == 2, relay.mails
        raw = relay.mails[-1][2].split(b"\r\n\r\n")[0]
        assert b"=?UTF-8?B?" in raw and b"\r\nBcc" not in raw
        assert "MAIL FROM:<evil@example.net>" in text_of(mail)
        assert relay.mails[-1][1] == ["reader@example.net"]


def a_refusal_for_now_is_tried_again_and_one_for_good_is_not():
    for at in ("RCPT", "DATA", "MAIL"):
        with Relay(at=at) as relay, daemon_for(relay.port) as daemon:
            sqs = daemon.client("sqs")
            url, dead = make_queue(sqs, "dead")
            sns, topic, _ = subscribed(daemon, relay, **{
                "Fanfare.RetrySchedule": FAST, "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})})
            relay.replies = ["450 4.2.0 greylisted", "451 4.3.0 later"]
            sns.publish(TopicArn=topic, Message="patient")
            wait_until(lambda: relay.notifications(), "the mail at last", 30)
            assert len(relay.refused) == 2 and len(relay.notifications()) == 1
            relay.replies = ["550 5.1.1 no such user"]
            sns.publish(TopicArn=topic, Message="unwanted")
            letters = drain(sqs, url, 1)
            assert json.loads(letters[0]["Body"])["Message"] == "unwanted"
            assert len(relay.refused) == 3
            assert "no such user" in daemon.log() and "greylisted" in daemon.log(), daemon.log()


def the_message_id_is_the_same_at_every_attempt():
    with Relay(at="DATA") as relay, daemon_for(relay.port) as daemon:
        sns, topic, _ = subscribed(daemon, relay, **{"Fanfare.RetrySchedule": FAST})
        relay.replies = ["452 4.2.2 full"]
        sns.publish(TopicArn=topic, Message="again")
        wait_until(lambda: relay.notifications(), "the mail", 30)
        assert len(relay.offered) == 3 and relay.offered[1] == relay.offered[2] and b"\r\nMessage-ID: <" in relay.offered[1]


def a_relay_that_is_down_is_waited_for():
    relay = Relay()
    with daemon_for(relay.port) as daemon:
        sns, topic, _ = subscribed(daemon, relay, **{"Fanfare.RetrySchedule": FAST})
        relay.close()
        sns.publish(TopicArn=topic, Message="patience")
        wait_until(lambda: "delivery_retry" in daemon.log(), "a first failure")
        with Relay(port=relay.port) as again:
            wait_until(lambda: again.notifications(), "the mail", 40)
            assert text_of(again.notifications()[0]).startswith("patience")


def a_connection_is_used_for_many_mails():
    with Relay() as relay, daemon_for(relay.port, connections=2) as daemon:
        sns, topic, _ = subscribed(daemon, relay)
        for i in range(100):
            sns.publish(TopicArn=topic, Message="m%d" % i)
        wait_until(lambda: len(relay.notifications()) == 100, "100 mails", 60)
        assert relay.connections <= 2, relay.connections


def a_relay_that_says_nothing_holds_nobody_up():
    """Not even at the end of a connection: the loop waits for no farewell."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        held = []

        def hold():
            while True:
                try:
                    peer = silent.accept()[0]
                except OSError:
                    return
                held.append(peer)
                peer.sendall(b"220 hello\r\n")
                peer.recv(1000)
                peer.sendall(b"550 go away\r\n")  # and then not a word to QUIT

        threading.Thread(target=hold, daemon=True).start()
        with daemon_for(silent.getsockname()[1]) as daemon:
            sns, sqs = daemon.client("sns"), daemon.client("sqs")
            topic = sns.create_topic(Name="silent")["TopicArn"]
            for i in range(5):
                sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="r%d@example.net" % i)
            wait_until(lambda: held, "a connection")
            longest, end = 0, time.time() + 5
            while time.time() < end:
                began = time.time()
                sqs.list_queues()
                longest = max(longest, time.time() - began)
                time.sleep(0.05)
            assert longest < 2, longest
        for peer in held:
            peer.close()


def one_click_unsubscribes():
    with Relay() as relay, daemon_for(relay.port) as daemon:
        sns, topic, arn = subscribed(daemon, relay)
        sns.publish(TopicArn=topic, Message="the last one")
        wait_until(lambda: relay.notifications(), "the mail")
        mail = relay.notifications()[0]
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = re.fullmatch(r"<(http[^>]+)>", mail["List-Unsubscribe"]).group(1)
        assert link == link_in(mail)
        status, page, _ = fetch(link)
        assert status == 200 and "<form" in page and len(sns.list_subscriptions()["Subscriptions"]) == 1
        wrong = link[:-1] + ("0" if link[-1] != "0" else "1")
        assert fetch(wrong, b"List-Unsubscribe=One-Click")[0] == 400
        assert len(sns.list_subscriptions()["Subscriptions"]) == 1
        assert fetch(link, b"List-Unsubscribe=One-Click")[0] == 200
        assert sns.list_subscriptions()["Subscriptions"] == []
        assert fetch(link, b"List-Unsubscribe=One-Click")[0] == 200  # pressing it twice is no mistake
        goodbyes = lambda: [m for m in relay.parsed() if "Unsubscribe Confirmation" in str(m["Subject"])]
        wait_until(goodbyes, "the mail by which that is taken back")
        mail, = goodbyes()
        assert mail["Subject"] == "AWS Notification - Unsubscribe Confirmation" and mail["List-Unsubscribe"] is None
        assert text_of(mail).startswith("You have chosen to deactivate subscription %s.\n" % arn), text_of(mail)
        back = link_in(mail)
        assert fetch(back)[0] == 200 and sns.list_subscriptions()["Subscriptions"] == []  # looking changes nothing
        assert fetch(back, b"")[0] == 200
        assert [s["SubscriptionArn"] for s in sns.list_subscriptions()["Subscriptions"]] == [arn]
        sns.publish(TopicArn=topic, Message="one more")
        wait_until(lambda: any(text_of(m).startswith("one more") for m in relay.notifications()), "the mail after that")
        assert fetch(link, b"List-Unsubscribe=One-Click")[0] == 200  # the old link ends it again
        wait_until(lambda: len(goodbyes()) == 2, "the second mail")


def a_kill_during_retries_loses_nothing():
    with Relay(at="RCPT") as relay, daemon_for(relay.port) as daemon:
        sns, topic, _ = subscribed(daemon, relay, **{"Fanfare.RetrySchedule": FAST})
        relay.replies = ["450 4.2.0 later"] * 30
        wanted = {"kept %d" % i for i in range(20)}
        for message in sorted(wanted):
            sns.publish(TopicArn=topic, Message=message)
        wait_until(lambda: len(relay.refused) >= 10, "refusals")
        daemon.kill()
        daemon.start()
        got = lambda: {text_of(m).split("\n")[0] for m in relay.notifications()}
        wait_until(lambda: got() == wanted, "all mails after the restart", 60)


def make_certificate(folder):
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=relay",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def tls_and_signing_in():
    logins = []

    def authenticate(server, session, envelope, mechanism, data):
        login = (data.login.decode(), data.password.decode())
        logins.append(login)
        return AuthResult(success=login == ("fan", "s3cret"), handled=False)

    with tempfile.TemporaryDirectory() as folder:
        context, certificate = make_certificate(folder)
        secret = os.path.join(folder, "password")
        with open(secret, "w") as file:
            file.write("s3cret\n")
        strict = dict(tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True)
        with Relay(**strict) as relay, daemon_for(relay.port, tls="starttls", ca_file=certificate, user="fan",
                                                  password_file=secret) as daemon:
            subscribed(daemon, relay)
            assert set(logins) == {("fan", "s3cret")}, logins
        for options, advice in ((dict(tls="starttls", ca_file=certificate, user="fan", password="wrong"), "smtp.password"),
                                (dict(tls="starttls", user="fan", password="s3cret"), "not trusted"),
                                (dict(tls="none"), "smtp.tls")):
            with Relay(**strict) as relay, daemon_for(relay.port, **options) as daemon:
                sns = daemon.client("sns")
                topic = sns.create_topic(Name="locked")["TopicArn"]
                sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.net")
                wait_until(lambda: advice in daemon.log(), advice + " in the log")
                assert "delivery_retry" in daemon.log() and not relay.mails
                assert "s3cret" not in daemon.log()
        with Relay(ssl_context=context) as relay, daemon_for(relay.port, tls="tls", ca_file=certificate) as daemon:
            subscribed(daemon, relay)
        with Relay() as relay, daemon_for(relay.port, tls="starttls") as daemon:  # it has none: nothing in the clear
            sns = daemon.client("sns")
            topic = sns.create_topic(Name="open")["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.net")
            wait_until(lambda: "delivery_retry" in daemon.log(), "a refusal to go on")
            assert not relay.mails


def without_a_relay_subscribe_names_the_setting():
    with Daemon() as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="none")["TopicArn"]
        text = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@example.net")
        assert "smtp.host" in text, text
    with Daemon("--set", "smtp.host=127.0.0.1") as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="none")["TopicArn"]
        text = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@example.net")
        assert "smtp.from" in text, text


main([a_reader_confirms_by_the_link_and_not_by_looking, a_mail_says_what_was_published_in_any_script,
      email_json_is_the_envelope, nothing_can_be_smuggled_into_a_mail,
      a_refusal_for_now_is_tried_again_and_one_for_good_is_not, the_message_id_is_the_same_at_every_attempt,
      a_relay_that_is_down_is_waited_for, a_connection_is_used_for_many_mails,
      a_relay_that_says_nothing_holds_nobody_up, one_click_unsubscribes, a_kill_during_retries_loses_nothing,
      tls_and_signing_in, without_a_relay_subscribe_names_the_setting])
