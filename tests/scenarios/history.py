#!/usr/bin/python3
"""What became of a message: the page behind `fanfare why`, through the real binary."""
import http.server
import json
import os
import subprocess
import threading
import urllib.error
import urllib.request

from support import (FANFARE, Daemon, Endpoint, drain, main, make_queue, subscribe, wait_until)

POLICY = json.dumps({"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}})


def ask(daemon, path, method="GET", body=None, headers=None, expect=200):
    request = urllib.request.Request(daemon.url + path, method=method, headers=headers or {},
                                     data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    assert status == expect, (status, text)
    return json.loads(text)


def story(daemon, message, **named):
    return ask(daemon, "/_fanfare/messages/" + message, **named)


def part(told, arn):
    found = [p for p in told["subscriptions"] if p["subscription_arn"] == arn]
    assert len(found) == 1, told
    return found[0]


def until_state(daemon, message, arn, state):
    wait_until(lambda: part(story(daemon, message), arn)["state"] == state, state)
    return part(story(daemon, message), arn)


class Hostile:
    """Answers every POST with `status` and these bytes."""

    def __init__(self, status, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("x-amz-sns-message-type") == "SubscriptionConfirmation":
                    urllib.request.urlopen(json.loads(body)["SubscribeURL"]).read()
                    self.send_response(200)
                    self.end_headers()
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def who_matched_and_who_did_not_and_why():
    with Daemon() as daemon, Endpoint() as hook, Endpoint(confirms=False) as silent:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        _, queue = make_queue(sqs, "eu")
        wants = subscribe(sns, topic, "sqs", queue, FilterPolicy=json.dumps({"region": ["eu"]}))
        other = subscribe(sns, topic, "http", hook.url, FilterPolicy=json.dumps({"region": ["us"], "kind": [{"exists": True}]}))
        pending = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=silent.url,
                                ReturnSubscriptionArn=True)["SubscriptionArn"]
        message = sns.publish(TopicArn=topic, Message="hello", Subject="a subject", MessageAttributes={
            "region": {"DataType": "String", "StringValue": "eu"},
            "picture": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})["MessageId"]
        told = story(daemon, message)
        assert told["message"]["topic_arn"] == topic and told["message"]["size"] == 5
        assert told["message"]["subject"] == "a subject" and told["message"]["is_kept"]
        assert {a["name"] for a in told["message"]["attributes"]} == {"region", "picture"}
        assert told["subscriptions_matching"] == 1 and told["subscriptions_confirmed"] == 2, told
        assert part(told, wants)["state"] == "delivered" and part(told, wants)["matches"]
        no = part(told, other)
        assert no["state"] == "filtered_out" and no["matches"] is False and no["endpoint"] == hook.url
        failed = [c for c in no["conditions"] if not c["holds"]]
        assert {c["path"] for c in failed} == {"region", "kind"}, no
        assert "eu" in json.dumps([c["seen"] for c in failed if c["path"] == "region"]), failed
        assert "region" in no["reason"] or "kind" in no["reason"], no
        assert part(told, pending)["state"] == "unconfirmed"
        only = story(daemon, message + "?subscription=" + other)
        assert [p["subscription_arn"] for p in only["subscriptions"]] == [other]
        later = subscribe(sns, topic, "sqs", make_queue(sqs, "later")[1])
        assert part(story(daemon, message), later)["state"] == "subscribed_later"


def nobody_wanted_it():
    with Daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="lonely")["TopicArn"]
        arn = subscribe(sns, topic, "sqs", make_queue(sqs, "q")[1], FilterPolicy=json.dumps({"a": ["b"]}))
        message = sns.publish(TopicArn=topic, Message="hello?")["MessageId"]
        told = story(daemon, message)
        assert told["subscriptions_matching"] == 0 and told["message"]["still_needed_by"] == 0
        assert part(told, arn)["state"] == "filtered_out"
        daemon.kill()
        daemon.start()
        assert part(story(daemon, message), arn)["state"] == "filtered_out"


def failures_then_success_attempt_by_attempt():
    with Daemon() as daemon, Endpoint(answers=[500, 503, 200]) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url, DeliveryPolicy=POLICY)
        message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
        waiting = until_state(daemon, message, arn, "waiting")
        assert waiting["next_attempt"] and waiting["attempts"][0]["status"] == 500
        assert waiting["attempts"][0]["next"] == waiting["next_attempt"], waiting
        done = until_state(daemon, message, arn, "delivered")
        assert [(a["attempt"], a["status"], a["verdict"]) for a in done["attempts"]] == \
            [(1, 500, "failed"), (2, 503, "failed"), (3, 200, "delivered")], done
        first = done["attempts"][0]
        assert first["answer"] == "ok" and first["peer"].startswith("127.0.0.1"), first
        assert first["durations_us"]["total"] > 0 and "500" in first["reason"], first


def a_success_at_the_first_attempt():
    for setting in ("all", "failures"):
        with Daemon("--set", "attempts=" + setting) as daemon, Endpoint() as hook:
            sns = daemon.client("sns")
            topic = sns.create_topic(Name="orders")["TopicArn"]
            arn = subscribe(sns, topic, "http", hook.url)
            message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
            done = until_state(daemon, message, arn, "delivered")
            assert len(done["attempts"]) == (setting == "all"), done
            assert bool(done["note"]) == (setting == "failures"), done


def dead_letters_and_losses_survive_a_kill():
    with Daemon() as daemon, Endpoint(answers=[400]) as refusing, Endpoint(answers=[404]) as losing:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        url, dead = make_queue(sqs, "dead")
        lettered = subscribe(sns, topic, "http", refusing.url, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        lost = subscribe(sns, topic, "http", losing.url)
        message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
        until_state(daemon, message, lettered, "dead_lettered")
        until_state(daemon, message, lost, "lost")
        daemon.kill()
        daemon.start()
        told = story(daemon, message)
        assert part(told, lettered)["attempts"][-1]["dead_letter_queue"] == dead, told
        assert part(told, lettered)["attempts"][-1]["status"] == 400
        assert part(told, lost)["state"] == "lost" and part(told, lost)["attempts"][-1]["status"] == 404
        assert len(drain(sqs, url, 1)) == 1


def hostile_answers_are_cut_and_made_harmless():
    answer = b"\x1b[2J\x1b]0;owned\x07\x00\xff\xfe\"<script>" + b"\x1b[31m\xc3\x28" * 100000
    with Daemon() as daemon, Hostile(400, answer) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url)
        message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
        lost = until_state(daemon, message, arn, "lost")
        got = lost["attempts"][-1]["answer"]
        assert got.startswith("\x1b[2J\x1b]0;owned\x07\ufffd\ufffd\ufffd\"<script>"), got[:60]
        assert 900 <= len(got) <= 1024, len(got)
        raw = urllib.request.urlopen(daemon.url + "/_fanfare/messages/" + message).read()
        assert all(byte >= 32 or byte == 10 for byte in raw)


def what_is_asked_wrongly():
    with Daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
        url, _ = make_queue(sqs, "q")
        straight = sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]
        ask(daemon, "/_fanfare/messages/hello", expect=400)
        ask(daemon, "/_fanfare/messages/", expect=400)
        ask(daemon, "/_fanfare/messages/" + straight, expect=404)
        ask(daemon, "/_fanfare/messages/00000000-0000-4000-8000-000000000000", expect=404)
        ask(daemon, "/_fanfare/messages/" + message + "?subscription=nonsense", expect=400)
        ask(daemon, "/_fanfare/messages/" + message, method="POST", expect=405)
        story(daemon, message, headers={"Origin": "https://evil.example"}, expect=403)
        story(daemon, message, headers={"Sec-Fetch-Site": "cross-site"}, expect=403)
        story(daemon, message, headers={"Sec-Fetch-Site": "none"}, expect=403)  # a browser is not the operator
        told = story(daemon, message.upper())
        assert told["message"]["message_id"] == message


def what_is_not_kept_any_more():
    with Daemon("--set", "history_max_age=1s") as daemon, Endpoint(answers=[500, 200]) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        subscribe(sns, topic, "http", hook.url, DeliveryPolicy=POLICY)
        message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
        wait_until(lambda: not story(daemon, message)["message"]["is_kept"], "the end of its time")
        told = story(daemon, message)
        assert [a["status"] for a in told["subscriptions"][0]["attempts"]] == [500, 200], told
    with Daemon("--set", "history_max_age=0") as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        ask(daemon, "/_fanfare/messages/" + sns.publish(TopicArn=topic, Message="x")["MessageId"])


def many_subscriptions_are_told_in_part():
    with Daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="wide")["TopicArn"]
        _, queue = make_queue(sqs, "q")
        for i in range(150):
            subscribe(sns, topic, "sqs", queue + "-%d" % i, FilterPolicy=json.dumps({"n": [str(i)]}))
        message = sns.publish(TopicArn=topic, Message="x", MessageAttributes={
            "n": {"DataType": "String", "StringValue": "149"}})["MessageId"]
        told = story(daemon, message)
        assert told["subscriptions_matching"] == 1 and told["more_not_matching"]
        assert len(told["subscriptions"]) == 101
        assert told["subscriptions"][0]["matches"] and told["subscriptions"][0]["endpoint"].endswith("-149")


def why(daemon, *arguments, expect=0):
    done = subprocess.run([FANFARE, "why", *arguments], capture_output=True, timeout=60,
                          env=dict(os.environ, FANFARE_ENDPOINT=daemon.url))
    assert done.returncode == expect, done
    return done.stdout.decode()


def the_command_tells_it():
    answer = b"\x1b[2J\x1b]0;owned\x07\x00\xff\xc2\x9b31m and the reason"
    with Daemon() as daemon, Hostile(400, answer) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        _, dead = make_queue(sqs, "dead")
        arn = subscribe(sns, topic, "http", hook.url, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        other = subscribe(sns, topic, "sqs", make_queue(sqs, "us")[1], FilterPolicy=json.dumps({"region": ["us"]}))
        message = sns.publish(TopicArn=topic, Message="hello", Subject="a subject", MessageAttributes={
            "region": {"DataType": "String", "StringValue": "eu"}})["MessageId"]
        until_state(daemon, message, arn, "dead_lettered")
        text = why(daemon, message)
        assert all(c >= " " and c != "\x7f" and not "\x80" <= c < "\xa0" or c == "\n" for c in text), repr(text)
        for piece in (topic, arn, "dead_lettered 400", "into " + dead, "and the reason", "region = eu",
                      "matched    1 of 2", "filtered_out", 'region: wants', '"us"', "eu", "127.0.0.1"):
            assert piece in text, (piece, text)
        told = json.loads(why(daemon, message, "--json"))
        assert told == story(daemon, message)
        assert other not in why(daemon, message, "--subscription", arn)
        assert why(daemon, "00000000-0000-4000-8000-000000000000", expect=1) == ""
        why(daemon, "../metrics", expect=2)
        why(daemon, expect=2)
        why(daemon, message, "--nonsense", expect=2)
        assert "usage: fanfare why MESSAGE-ID" in why(daemon, "--help")
        daemon.stop()
        why(daemon, message, expect=3)


main([who_matched_and_who_did_not_and_why, nobody_wanted_it, failures_then_success_attempt_by_attempt,
      a_success_at_the_first_attempt, dead_letters_and_losses_survive_a_kill,
      hostile_answers_are_cut_and_made_harmless, what_is_asked_wrongly, what_is_not_kept_any_more,
      many_subscriptions_are_told_in_part, the_command_tells_it])
