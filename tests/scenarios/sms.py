"""Text messages: the spool, an HTTP gateway (a stand-in for Kannel and others), what is refused, what is retried."""

import base64
import http.server
import json
import os
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from support import Daemon, drain, expect_error, main, make_queue, wait_until

NUMBER = "+41790000000"
FAST = "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"


class Gateway:
    """Takes GET and POST; `answers` are used up one by one, then all is accepted."""

    def __init__(self, answers=()):
        self.answers, self.asked, self.accepted = list(answers), [], []
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                url = urllib.parse.urlsplit(self.path)
                gateway.asked.append((self.command, url.path, dict(urllib.parse.parse_qsl(url.query)),
                                      dict(self.headers), body))
                status, text = gateway.answers.pop(0) if gateway.answers else (202, "0: Accepted for delivery")
                if status < 300:
                    gateway.accepted.append(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/cgi-bin/sendsms" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def daemon_for(**options):
    return Daemon(*[a for name, value in options.items() for a in ("--set", "sms.%s=%s" % (name, value))])


def subscribed(daemon, number=NUMBER, topic="alarms", **attributes):
    sns = daemon.client("sns")
    topic = sns.create_topic(Name=topic)["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=number, Attributes=attributes)["SubscriptionArn"]
    assert arn.startswith(topic), arn
    return sns, topic


def text(value):
    return {"DataType": "String", "StringValue": value}


def spooled(daemon):
    path = os.path.join(daemon.data, "sms.jsonl")
    return [json.loads(line) for line in open(path)] if os.path.exists(path) else []


def without_a_gateway_messages_are_spooled():
    with Daemon() as daemon:
        sns, topic = subscribed(daemon, "+41 79-000 00 00")
        sns.publish(TopicArn=topic, Message="Wasser \"im\" Keller\n€",
                    MessageAttributes={"AWS.SNS.SMS.SenderID": text("Haus"), "AWS.SNS.SMS.SMSType": text("Transactional")})
        line = wait_until(lambda: spooled(daemon), "a line in the spool")[0]
        assert line["to"] == NUMBER and line["from"] == "Haus" and line["type"] == "Transactional", line
        assert line["text"] == "Wasser \"im\" Keller\n€" and line["segments"] == 1, line
        assert os.stat(os.path.join(daemon.data, "sms.jsonl")).st_mode & 0o77 == 0
        sns.publish(TopicArn=topic, Message="Ж" * 71)
        assert wait_until(lambda: spooled(daemon)[1:], "the second")[0]["segments"] == 2
        assert NUMBER in daemon.log()
        for number in ("12", "+0790000000", "+41x", "+41790000000,+41790000001", "+4179000000012345"):
            expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sms", Endpoint=number)


def kannel_is_asked_as_it_wants():
    with Gateway() as gateway, daemon_for(gateway="kannel", url=gateway.url, user="fan", password="s&cret",
                                          sender_id="Fanfare") as daemon:
        sns, topic = subscribed(daemon)
        sns.publish(TopicArn=topic, Message="größer & €: {to}")
        sns.publish(TopicArn=topic, Message="Жук")
        wait_until(lambda: len(gateway.asked) == 2, "two requests")
        asked = {query["text"]: (command, path, query) for command, path, query, _, _ in gateway.asked}
        command, path, query = asked["größer & €: {to}"]
        assert (command, path) == ("GET", "/cgi-bin/sendsms")
        assert query == {"username": "fan", "password": "s&cret", "from": "Fanfare", "to": NUMBER,
                         "text": "größer & €: {to}", "charset": "UTF-8", "coding": "0"}, query
        assert asked["Жук"][2]["coding"] == "2"
        assert "s&cret" not in daemon.log()


def other_gateways_take_forms_and_json():
    with Gateway() as gateway, daemon_for(gateway="twilio", url=gateway.url, user="AC1", password="token",
                                          sender_id="+15550100") as daemon:
        sns, topic = subscribed(daemon)
        sns.publish(TopicArn=topic, Message="a=b&c")
        command, _, _, headers, body = wait_until(lambda: gateway.asked, "a request")[0]
        assert command == "POST" and urllib.parse.parse_qs(body) == {"To": [NUMBER], "From": ["+15550100"], "Body": ["a=b&c"]}
        assert headers["Authorization"] == "Basic " + base64.b64encode(b"AC1:token").decode()
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    with Gateway() as gateway, daemon_for(gateway="json", url=gateway.url, header="Authorization: Bearer x",
                                          body='{"recipients":["{to}"],"content":"{text}","n":{segments}}') as daemon:
        sns, topic = subscribed(daemon)
        sns.publish(TopicArn=topic, Message='say "hi"\n\\ ')
        _, _, _, headers, body = wait_until(lambda: gateway.asked, "a request")[0]
        assert json.loads(body) == {"recipients": [NUMBER], "content": 'say "hi"\n\\ ', "n": 1}, body
        assert headers["Authorization"] == "Bearer x" and headers["Content-Type"] == "application/json"


def what_a_gateway_says_counts():
    with Gateway() as gateway, daemon_for(gateway="kannel", url=gateway.url) as daemon:
        url, dead = make_queue(daemon.client("sqs"), "dead")
        sns, topic = subscribed(daemon, **{"Fanfare.RetrySchedule": FAST,
                                           "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})})
        gateway.answers = [(503, "1: Temporal failure"), (403, "Authorization failed for sendsms"), (202, "3: Queued")]
        sns.publish(TopicArn=topic, Message="patient")
        wait_until(lambda: len(gateway.asked) == 3, "three attempts", 30)
        assert "sms.user" in daemon.log()
        gateway.answers = [(400, "bad number")]
        sns.publish(TopicArn=topic, Message="unwanted")
        assert json.loads(drain(daemon.client("sqs"), url, 1)[0]["Body"])["Message"] == "unwanted"
        time.sleep(1.5)
        assert len(gateway.asked) == 4 and "bad number" in daemon.log()


def prices_and_countries_are_kept():
    with Gateway() as gateway, daemon_for(gateway="kannel", url=gateway.url, prefixes="+41,+49", price_per_segment="0.05",
                                          segments_max="3") as daemon:
        url, dead = make_queue(daemon.client("sqs"), "dead")
        sns, topic = subscribed(daemon, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        text_ = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sms", Endpoint="+15550100199")
        assert "sms.prefixes" in text_, text_
        sns.publish(TopicArn=topic, Message="x" * 161, MessageAttributes={"AWS.SNS.SMS.MaxPrice": {
            "DataType": "Number", "StringValue": "0.09"}})
        sns.publish(TopicArn=topic, Message="x" * 500)
        assert len(drain(daemon.client("sqs"), url, 2)) == 2
        assert "MaxPrice" in daemon.log() and "sms.segments_max" in daemon.log() and not gateway.asked
        sns.publish(TopicArn=topic, Message="x" * 161, MessageAttributes={"AWS.SNS.SMS.MaxPrice": {
            "DataType": "Number", "StringValue": "0.10"}})
        wait_until(lambda: gateway.asked, "the one that is paid for")


def the_egress_guard_stands_before_the_gateway():
    with daemon_for(gateway="kannel", url="http://169.254.169.254/x") as daemon:
        sns, topic = subscribed(daemon)
        sns.publish(TopicArn=topic, Message="x")
        wait_until(lambda: "egress_allow" in daemon.log(), "the setting in the log")


def a_kill_during_retries_loses_nothing():
    with Gateway() as gateway, daemon_for(gateway="json", url=gateway.url) as daemon:
        sns, topic = subscribed(daemon, **{"Fanfare.RetrySchedule": FAST})
        gateway.answers = [(503, "")] * 25
        wanted = {"kept %d" % i for i in range(20)}
        for message in sorted(wanted):
            sns.publish(TopicArn=topic, Message=message)
        wait_until(lambda: len(gateway.asked) >= 10, "refusals")
        daemon.kill()
        assert len(gateway.accepted) < 20
        daemon.start()
        wait_until(lambda: {json.loads(body)["text"] for body in gateway.accepted} == wanted, "all after the restart", 60)


def a_phone_is_sent_to_without_a_topic():
    with Gateway() as gateway, daemon_for(gateway="json", url=gateway.url) as daemon:
        sns = daemon.client("sns")
        said = lambda: [json.loads(body) for body in gateway.accepted]
        gateway.answers = [(503, "")]
        first = sns.publish(PhoneNumber="+41 79 000 00 00", Message="hello", MessageAttributes={
            "AWS.SNS.SMS.SenderID": text("Haus")})["MessageId"]
        wait_until(lambda: gateway.asked, "an attempt")
        daemon.kill()  # what was answered is on disk
        daemon.start()
        sns = daemon.client("sns")
        wait_until(said, "the message after the restart", 40)
        assert {k: said()[0][k] for k in ("to", "from", "text", "id")} == {
            "to": NUMBER, "from": "Haus", "text": "hello", "id": first}, said()
        sns.set_sms_attributes(attributes={"DefaultSenderID": "Fanfare", "DefaultSMSType": "Transactional"})
        sns.publish(PhoneNumber=NUMBER, Message="again")
        second = wait_until(lambda: [m for m in said() if m["text"] == "again"], "the second")[0]
        assert second["from"] == "Fanfare" and second["type"] == "Transactional", second
        assert sns.list_topics()["Topics"] == [] and sns.list_subscriptions()["Subscriptions"] == []
        hidden = "arn:aws:sns:us-east-1:000000000000:!sms"
        expect_error("NotFound", sns.publish, TopicArn=hidden, Message="x")
        expect_error("NotFound", sns.get_topic_attributes, TopicArn=hidden)
        for number in ("12", "", "+0", "+41790000000x", "abc"):
            expect_error("InvalidParameter", sns.publish, PhoneNumber=number, Message="x")
        expect_error("InvalidParameter", sns.publish, PhoneNumber=NUMBER, TopicArn=hidden, Message="x")


def settings_of_an_account_are_checked_and_kept():
    with Daemon() as daemon:
        sns = daemon.client("sns")
        assert sns.get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1"}
        sns.set_sms_attributes(attributes={"DefaultSenderID": "Fanfare", "MonthlySpendLimit": "5"})
        sns.set_sms_attributes(attributes={"DefaultSMSType": "Promotional"})
        said = expect_error("InvalidParameter", sns.set_sms_attributes, attributes={"Colour": "red"})
        assert said == "Colour is not a valid attribute", said
        expect_error("InvalidParameter", sns.set_sms_attributes, attributes={"DefaultSMSType": "Loud"})
        expect_error("InvalidParameter", sns.set_sms_attributes, attributes={"DefaultSenderID": "a b"})
        daemon.kill()
        daemon.start()
        sns = daemon.client("sns")
        assert sns.get_sms_attributes()["attributes"] == {
            "DefaultSenderID": "Fanfare", "MonthlySpendLimit": "5", "DefaultSMSType": "Promotional"}
        assert sns.get_sms_attributes(attributes=["MonthlySpendLimit"])["attributes"] == {"MonthlySpendLimit": "5"}
        assert daemon.client("sns", region="eu-west-1").get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1"}
        assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False


def who_says_stop_gets_nothing_more():
    def fetch(url, data=None):
        try:
            with urllib.request.urlopen(url, data) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""

    with Gateway() as gateway, daemon_for(gateway="json", url=gateway.url, inbound_key="k&1") as daemon:
        url, dead = make_queue(daemon.client("sqs"), "dead")
        sns, topic = subscribed(daemon, "+41 79 000 00 00", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        inbound = daemon.url + "/_fanfare/sms/inbound?"
        ask = lambda **query: fetch(inbound + urllib.parse.urlencode(query))
        assert ask(key="wrong", **{"from": NUMBER, "text": "STOP"})[0] == 403
        assert ask(key="k&1", **{"from": NUMBER, "text": "thanks"}) == (200, b"")
        assert sns.check_if_phone_number_is_opted_out(phoneNumber=NUMBER)["isOptedOut"] is False
        assert ask(key="k&1", **{"from": NUMBER, "text": " stop!"}) == (200, b"")
        assert sns.check_if_phone_number_is_opted_out(phoneNumber=NUMBER)["isOptedOut"] is True
        assert fetch(inbound + "key=k%261", urllib.parse.urlencode({"From": "+15550100199", "Body": "Cancel"}).encode())[0] == 200
        daemon.kill()
        daemon.start()
        sns = daemon.client("sns")
        assert sorted(sns.list_phone_numbers_opted_out()["phoneNumbers"]) == ["+15550100199", NUMBER]
        sns.publish(TopicArn=topic, Message="unwanted")
        sns.publish(PhoneNumber=NUMBER, Message="unwanted, too")
        assert json.loads(drain(daemon.client("sqs"), url, 1)[0]["Body"])["Message"] == "unwanted"
        wait_until(lambda: daemon.log().count("has opted out") >= 2, "both refused")
        assert not gateway.asked
        sns.opt_in_phone_number(phoneNumber=NUMBER)
        assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == ["+15550100199"]
        sns.publish(TopicArn=topic, Message="wanted")
        wait_until(lambda: gateway.accepted, "the message")
        assert ask(key="k&1", **{"from": NUMBER, "text": "STOP"})[0] == 200
        assert "30 days" in expect_error("InvalidParameter", sns.opt_in_phone_number, phoneNumber=NUMBER)
        expect_error("InvalidParameter", sns.check_if_phone_number_is_opted_out, phoneNumber="12")
        for i in range(150):
            assert ask(key="k&1", **{"from": "+4176%07d" % i, "text": "STOP"})[0] == 200
        pages = list(sns.get_paginator("list_phone_numbers_opted_out").paginate())
        assert len(pages) == 2 and len({n for p in pages for n in p["phoneNumbers"]}) == 152
    with Daemon() as daemon:
        assert fetch(daemon.url + "/_fanfare/sms/inbound?key=&from=%2B41790000000&text=STOP")[0] == 403


def wrong_options_are_told():
    import subprocess
    from support import FANFARE
    for option, value in (("gateway", "pigeon"), ("url", "ftp://x"), ("price_per_segment", "cheap"),
                          ("sender_id", "far too long a name"), ("header", "x\ny"), ("segments_max", "0")):
        done = subprocess.run([FANFARE, "config", "--set", "sms.%s=%s" % (option, value)], capture_output=True, text=True)
        assert done.returncode == 2 and "sms." + option in done.stderr, (option, done.stderr)


def a_link_in_the_place_of_the_spool_is_not_followed():
    with Daemon() as daemon, tempfile.NamedTemporaryFile("w") as precious:
        precious.write("precious")
        precious.flush()
        spool = os.path.join(daemon.data, "sms.jsonl")
        os.symlink(precious.name, spool)
        sns = daemon.client("sns")
        sns.publish(PhoneNumber=NUMBER, Message="x")
        wait_until(lambda: "it is a symbolic link" in daemon.log(), "the refusal")
        assert open(precious.name).read() == "precious"
        os.unlink(spool)
        wait_until(lambda: os.path.exists(spool) and '"text":"x"' in open(spool).read(), "the retry", 60)


main([without_a_gateway_messages_are_spooled, kannel_is_asked_as_it_wants, other_gateways_take_forms_and_json,
      what_a_gateway_says_counts, prices_and_countries_are_kept, the_egress_guard_stands_before_the_gateway,
      a_kill_during_retries_loses_nothing, a_phone_is_sent_to_without_a_topic,
      settings_of_an_account_are_checked_and_kept, who_says_stop_gets_nothing_more, a_link_in_the_place_of_the_spool_is_not_followed, wrong_options_are_told])
