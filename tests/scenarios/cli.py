#!/usr/bin/python3
"""The client commands of the real binary against a real daemon: what people and scripts see of dead letters,
secrets and help.  `fanfare why` and `fanfare replay` have scenarios of their own (history.py, replay.py)."""
import base64
import json
import os
import subprocess
import urllib.error
import urllib.request

from support import FANFARE, Daemon, Endpoint, drain, free_port, main, make_queue, subscribe, wait_until

ONE_RETRY = json.dumps({"healthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1}})


def run(*arguments, expect=0, stdin="", **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FANFARE_"))}
    environment.update(variables)
    done = subprocess.run([FANFARE, *arguments], input=stdin, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == expect, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def ask(daemon, *arguments, expect=0, **named):
    """The command's --json, parsed."""
    return json.loads(run(*arguments, "--json", "--endpoint", daemon.url, expect=expect, **named).stdout)


def every_command_has_help():
    names = run("help", "--list").stdout.splitlines()
    assert {"serve", "filter eval", "status", "dlq list", "dlq show", "dlq redrive", "dlq drop", "why", "replay"} <= set(names)
    assert len(names) == len(set(names))
    usage = run("help").stdout
    assert usage == run("--help").stdout
    for name in names:
        assert "  " + name in usage, name
        words = name.split(" ")
        by_word = run("help", *words).stdout
        by_option = run(*words, "--help").stdout
        assert by_word == by_option and by_word.startswith("usage: fanfare " + name), (name, by_word, by_option)
    assert run("--version").stdout == run("version").stdout
    assert "there is no command" in run("frobnicate", expect=2).stderr
    assert "there is no command" in run("help", "frobnicate", expect=2).stderr
    assert "usage:" in run("dlq", expect=2).stderr
    assert "usage:" in run("dlq", "frobnicate", expect=2).stderr
    assert "usage:" in run(expect=2).stderr


def wrong_use_and_no_daemon():
    nowhere = "http://127.0.0.1:%d" % free_port()
    for words in (["status"], ["dlq", "list"], ["dlq", "show", "q"], ["dlq", "redrive", "q"],
                  ["dlq", "drop", "q", "--all", "--yes"], ["sub", "rotate-secret", "arn:aws:sns:us-east-1:0:t:u"]):
        told = run(*words, "--endpoint", nowhere, expect=3)
        assert nowhere in told.stderr and told.stdout == "", (words, told)
        assert nowhere in run(*words, expect=3, FANFARE_ENDPOINT=nowhere + "/").stderr
        run(*words, "--frobnicate", expect=2)
        run(*words, "--endpoint", expect=2)
    run("status", "--endpoint", "nonsense://", expect=3)
    run("dlq", "show", expect=2)
    run("dlq", "show", "one", "two", expect=2)
    run("dlq", "drop", "q", expect=2)
    run("dlq", "drop", "q", "--all", "some-id", expect=2)
    with Daemon() as daemon:
        at = ("--endpoint", daemon.url)
        assert ask(daemon, "status")["status"] == "ok" and "ok" in run("status", *at).stdout
        assert ask(daemon, "dlq", "list") == {"queues": []}
        for words in (["dlq", "show", "q", "--max", "0"], ["dlq", "show", "q", "--max", "many"], ["dlq", "show", "q", "--after", "-1"],
                      ["dlq", "redrive", "q", "--rate", "fast"], ["dlq", "drop", "q", "no-id", "--yes"],
                      ["sub", "rotate-secret", "nonsense"], ["why", "xyz"]):
            assert run(*words, *at, expect=2).stderr, words
        for words in (["dlq", "show", "absent"], ["dlq", "show", "arn:aws:sqs:us-east-1:000000000000:absent"], ["dlq", "redrive", "absent"],
                      ["dlq", "drop", "absent", "--all", "--yes"]):
            assert "there is no queue" in run(*words, *at, expect=1).stderr, words
        assert "no such subscription" in run(
            "sub", "rotate-secret", "arn:aws:sns:us-east-1:000000000000:t:00000000-0000-4000-8000-000000000000", *at, expect=1).stderr
        hostile = run("dlq", "show", "\x1b[2Jowned", *at, expect=1).stderr
        assert "\x1b" not in hostile and "\\x1b[2Jowned" in hostile, hostile


def pages_are_not_for_foreign_browsers():
    with Daemon() as daemon:
        make_queue(daemon.client("sqs"), "q")
        for method, path in (("POST", "dlq/drop?queue=q&all=true"), ("POST", "dlq/redrive?queue=q"), ("GET", "dlq"), ("GET", "dlq/messages?queue=q"),
                             ("POST", "subscriptions/rotate-secret?subscription=x")):
            for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                request = urllib.request.Request(daemon.url + "/_fanfare/" + path, method=method, headers=headers)
                try:
                    urllib.request.urlopen(request, timeout=20)
                except urllib.error.HTTPError as error:
                    assert error.code == 403, (path, error.code)
                else:
                    raise AssertionError(path)


def open_pair(sqs, name="work", fifo=False):
    suffix, kind = (".fifo", {"FifoQueue": "true", "ContentBasedDeduplication": "true"}) if fifo else ("", {})
    dead_url, dead = make_queue(sqs, name + "-dead" + suffix, **kind)
    url, arn = make_queue(sqs, name + suffix,
                          RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "1"}), **kind)
    return url, arn, dead_url, dead


def kill_messages(sqs, url, dead_url, count):
    """Received twice, they are dead."""
    def are_dead():
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        found = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"]) == count

    wait_until(are_dead, "%d dead letters" % count)


def until_moved(daemon, queue, count):
    def is_over():
        latest = ask(daemon, "dlq", "redrive", queue, "--status")["redrives"][0]
        return latest["state"] != "running" and latest

    latest = wait_until(is_over, "the redrive")
    assert latest["moved"] == count, latest
    return latest


def dead_letters_of_a_queue():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, arn, dead_url, dead = open_pair(sqs)
        at = ("--endpoint", daemon.url)
        bodies = ["poison %d" % i for i in range(30)]
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=body)
        kill_messages(sqs, url, dead_url, 30)
        [listed] = ask(daemon, "dlq", "list")["queues"]
        assert listed["queue_arn"] == dead and listed["messages"] == 30 and listed["sources"] == [arn], listed
        assert listed["source_queues"] == 1 and listed["source_subscriptions"] == 0
        assert dead in run("dlq", "list", *at).stdout
        shown = ask(daemon, "dlq", "show", dead, "--max", "1000")["messages"]
        assert sorted(m["body"] for m in shown) == sorted(bodies), shown
        assert all(m["source_queue_arn"] == arn and not m["in_flight"] for m in shown)
        counts = [m["receive_count"] for m in shown]
        assert [m["receive_count"] for m in ask(daemon, "dlq", "show", "work-dead", "--max", "1000")["messages"]] == counts
        parts, after = [], "0"
        while len(parts) < 30:
            answer = ask(daemon, "dlq", "show", dead, "--max", "7", "--after", after)
            assert answer["messages"]
            parts += answer["messages"]
            after = str(answer["after"])
        assert [m["message_id"] for m in parts] == [m["message_id"] for m in shown]
        assert ask(daemon, "dlq", "show", dead, "--after", after)["messages"] == []
        assert len(ask(daemon, "dlq", "show", dead)["messages"]) == 10
        told = run("dlq", "show", dead, *at).stdout
        assert shown[0]["message_id"] in told and arn in told
        # in flight, and dropped all the same
        lent = sqs.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=1, VisibilityTimeout=600)["Messages"][0]
        there = {m["message_id"]: m for m in ask(daemon, "dlq", "show", dead, "--max", "1000")["messages"]}
        assert there[lent["MessageId"]]["in_flight"] and sum(m["in_flight"] for m in there.values()) == 1
        other = next(i for i in there if i != lent["MessageId"])
        unknown = "00000000-0000-4000-8000-000000000000"
        assert "nothing was deleted" in run("dlq", "drop", dead, other, *at, expect=1, stdin="no\n").stderr
        run("dlq", "drop", dead, other, *at, stdin="yes\n")
        gone = ask(daemon, "dlq", "drop", dead, lent["MessageId"], unknown, "--yes", expect=1)
        assert gone == {"dropped": 1, "not_found": 1}, gone
        assert ask(daemon, "dlq", "drop", dead, other, "--yes", expect=1) == {"dropped": 0, "not_found": 1}
        sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=lent["ReceiptHandle"])
        [listed] = ask(daemon, "dlq", "list")["queues"]
        assert (listed["messages"], listed["in_flight"]) == (28, 0), listed
        # what was answered is on disk
        daemon.kill()
        daemon.start()
        left = ask(daemon, "dlq", "show", dead, "--max", "1000")["messages"]
        assert len(left) == 28 and not {lent["MessageId"], other} & {m["message_id"] for m in left}
        answer = ask(daemon, "dlq", "redrive", dead)
        assert answer["redrives"][0]["to_move"] == 28, answer
        until_moved(daemon, dead, 28)
        sqs = daemon.client("sqs")
        back = drain(sqs, url.replace(url.split("/")[2], daemon.url.split("/")[2]), 28)
        assert sorted(m["Body"] for m in back) == sorted(m["body"] for m in left)
        assert ask(daemon, "dlq", "show", dead)["messages"] == []


def a_redrive_elsewhere_survives_a_kill():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _, dead_url, dead = open_pair(sqs)
        other_url, other = make_queue(sqs, "elsewhere")
        for i in range(40):
            sqs.send_message(QueueUrl=url, MessageBody=str(i))
        kill_messages(sqs, url, dead_url, 40)
        at = ("--endpoint", daemon.url)
        assert "there is no queue" in run("dlq", "redrive", dead, "--to", other + "-not", *at, expect=1).stderr
        ask(daemon, "dlq", "redrive", dead, "--to", other, "--rate", "10")
        assert "already" in run("dlq", "redrive", dead, *at, expect=1).stderr
        wait_until(lambda: ask(daemon, "dlq", "redrive", dead, "--status")["redrives"][0]["moved"] > 5, "a few to be moved")
        daemon.kill()
        daemon.start()
        until_moved(daemon, dead, 40)
        sqs = daemon.client("sqs")
        got = drain(sqs, other_url.replace(other_url.split("/")[2], daemon.url.split("/")[2]), 40)
        assert sorted(int(m["Body"]) for m in got) == list(range(40))


def dead_letters_of_a_fifo_queue():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, arn, dead_url, dead = open_pair(sqs, fifo=True)
        for i in range(6):
            sqs.send_message(QueueUrl=url, MessageBody=str(i), MessageGroupId="g")
        kill_messages(sqs, url, dead_url, 6)
        shown = ask(daemon, "dlq", "show", dead)["messages"]
        assert [m["body"] for m in shown] == list("012345") and {m["message_group_id"] for m in shown} == {"g"}
        # the one in flight holds its group until it is dropped
        lent = sqs.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=1, VisibilityTimeout=600)["Messages"][0]
        assert "Messages" not in sqs.receive_message(QueueUrl=dead_url)
        assert ask(daemon, "dlq", "drop", dead, lent["MessageId"], shown[3]["message_id"], "--yes")["dropped"] == 2
        ask(daemon, "dlq", "redrive", dead)
        until_moved(daemon, dead, 4)
        back = drain(sqs, url, 4)
        assert [m["Body"] for m in back] == ["1", "2", "4", "5"], back


def dead_letters_of_a_subscription():
    with Daemon() as daemon, Endpoint(answers=[500] * 6 + [200]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        dead_url, dead = make_queue(sqs, "dead")
        arn = subscribe(sns, topic, "http", hook.url, DeliveryPolicy=ONE_RETRY, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        at = ("--endpoint", daemon.url)
        published = {sns.publish(TopicArn=topic, Message="m%d \x1b[2J" % i, Subject="s")["MessageId"]: i for i in range(3)}
        wait_until(lambda: len(ask(daemon, "dlq", "show", dead)["messages"]) == 3, "three dead letters")
        [listed] = ask(daemon, "dlq", "list")["queues"]
        assert listed["source_subscriptions"] == 1 and listed["sources"] == [arn], listed
        shown = ask(daemon, "dlq", "show", dead)["messages"]
        assert {m["published_message_id"] for m in shown} == set(published), shown
        assert all(m["subscription_arn"] == arn and m["topic_arn"] == topic and m["subject"] == "s" for m in shown)
        told = run("dlq", "show", dead, *at).stdout
        assert "\x1b" not in told and "\\x1b[2J" in told and "fanfare why " in told
        # bodies come from the disk after a kill
        daemon.kill()
        daemon.start()
        again = ask(daemon, "dlq", "show", dead)["messages"]
        assert again == shown, (again, shown)
        ask(daemon, "dlq", "redrive", dead)
        until_moved(daemon, dead, 3)
        wait_until(lambda: len(hook.messages()) == 9, "the deliveries")
        assert sorted(hook.messages()[-3:]) == ["m%d \x1b[2J" % i for i in range(3)]
        assert {json.loads(b)["MessageId"] for b in hook.bodies()[-3:]} == set(published)
        wait_until(lambda: ask(daemon, "dlq", "show", dead)["messages"] == [], "an empty queue")


def dead_letters_whose_subscription_is_gone():
    with Daemon() as daemon, Endpoint(answers=[400]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        dead_url, dead = make_queue(sqs, "dead")
        other_url, other = make_queue(sqs, "elsewhere")
        arn = subscribe(sns, topic, "http", hook.url, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        message = sns.publish(TopicArn=topic, Message="hello")["MessageId"]
        wait_until(lambda: ask(daemon, "dlq", "show", dead)["messages"], "a dead letter")
        sns.unsubscribe(SubscriptionArn=arn)
        assert ask(daemon, "dlq", "list") == {"queues": []}
        assert ask(daemon, "dlq", "show", dead)["messages"][0]["subscription_arn"] == ""
        ask(daemon, "dlq", "redrive", dead)
        latest = until_moved(daemon, dead, 0)
        assert latest["state"] == "failed" and latest["failure"], latest
        ask(daemon, "dlq", "redrive", dead, "--to", other)
        until_moved(daemon, dead, 1)
        [got] = drain(sqs, other_url, 1)
        assert json.loads(got["Body"])["MessageId"] == message
        ask(daemon, "dlq", "drop", other, "--all", "--yes")


def everything_dropped():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _, dead_url, dead = open_pair(sqs)
        for i in range(25):
            sqs.send_message(QueueUrl=url, MessageBody=str(i))
        kill_messages(sqs, url, dead_url, 25)
        sqs.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=3, VisibilityTimeout=600)
        assert ask(daemon, "dlq", "drop", "work-dead", "--all", "--yes") == {"dropped": 25, "not_found": 0}
        daemon.kill()
        daemon.start()
        assert ask(daemon, "dlq", "show", dead)["messages"] == []


def secrets_rotated():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url, **{
            "Fanfare.Signing": "standard", "Fanfare.Secret": "whsec_" + base64.b64encode(os.urandom(32)).decode()})
        at = ("--endpoint", daemon.url)
        run("sub", "rotate-secret", arn, "--grace", "soon", *at, expect=2)
        run("sub", "rotate-secret", arn, "--grace", "31d", *at, expect=2)
        run("sub", "rotate-secret", arn, "--type", "rsa", *at, expect=2)
        first = ask(daemon, "sub", "rotate-secret", arn)
        assert first["secret"].startswith("whsec_") and len(base64.b64decode(first["secret"][6:])) == 32
        assert first["grace_s"] == 86400
        second = run("sub", "rotate-secret", arn, "--type", "ed25519", "--grace", "2h", *at)
        private, public = second.stdout.split()
        assert private.startswith("whsk_") and public.startswith("whpk_") and "not shown again" in second.stderr
        shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert not any("Secret" in name for name in shown) and first["secret"] not in json.dumps(shown)

        def signatures():
            before = len(hook.bodies())
            sns.publish(TopicArn=topic, Message="x")
            wait_until(lambda: len(hook.bodies()) > before, "a delivery")
            headers = {k.lower(): v for k, v in hook.requests[-1][1].items()}
            return [part.split(",")[0] for part in headers["webhook-signature"].split()]

        assert signatures() == ["v1a", "v1", "v1"]
        daemon.kill()
        daemon.start()
        sns = daemon.client("sns")
        assert signatures() == ["v1a", "v1", "v1"]
        ask(daemon, "sub", "rotate-secret", arn, "--grace", "0")
        assert signatures() == ["v1"]


main([every_command_has_help, wrong_use_and_no_daemon, pages_are_not_for_foreign_browsers, dead_letters_of_a_queue,
      a_redrive_elsewhere_survives_a_kill, dead_letters_of_a_fifo_queue, dead_letters_of_a_subscription,
      dead_letters_whose_subscription_is_gone, everything_dropped, secrets_rotated])
