#!/usr/bin/python3
"""Messages out of the history, once more: by time, by how they ended, across a kill."""
import collections
import datetime
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from support import FANFARE, Daemon, Endpoint, drain, main, make_queue, subscribe, wait_until


def ask(daemon, path, method="GET", expect=200, headers=None, **parameters):
    url = daemon.url + path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
    request = urllib.request.Request(url, method=method, headers=headers or {},
                                     data=b"" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    assert status == expect, (status, text)
    return json.loads(text)


def replay(daemon, subscription, **parameters):
    [one] = ask(daemon, "/_fanfare/replay", "POST", subscription=subscription, **parameters)["replays"]
    return one["replay_id"]


def state(daemon, number):
    [one] = ask(daemon, "/_fanfare/replay", replay=number)["replays"]
    return one


def until_over(daemon, number, word="completed", seconds=60):
    wait_until(lambda: state(daemon, number)["state"] == word, word, seconds)
    return state(daemon, number)


def now():
    return datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def everything_again_and_by_time():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        other = sns.create_topic(Name="other")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url)
        for i in range(30):
            sns.publish(TopicArn=topic, Message="early %d" % i)
            sns.publish(TopicArn=other, Message="of another topic")
        wait_until(lambda: len(hook.requests) == 30, "the first time")
        time.sleep(0.01)
        between = now()
        time.sleep(0.01)
        for i in range(10):
            sns.publish(TopicArn=topic, Message="late %d" % i)
        wait_until(lambda: len(hook.requests) == 40, "the first time")
        done = until_over(daemon, replay(daemon, arn))
        assert (done["looked_at"], done["sent"], done["filtered_out"]) == (40, 40, 0), done
        assert done["subscription_arn"] == arn and done["ended"], done
        wait_until(lambda: len(hook.requests) == 80, "the second time")
        assert set(collections.Counter(hook.messages()).values()) == {2}
        done = until_over(daemon, replay(daemon, arn, **{"from": between}))
        assert done["sent"] == 10, done
        done = until_over(daemon, replay(daemon, arn, until=between))
        assert done["sent"] == 30, done
        wait_until(lambda: len(hook.requests) == 120, "the third time")
        assert set(collections.Counter(hook.messages()).values()) == {3}
        assert len(ask(daemon, "/_fanfare/replay")["replays"]) == 3


def a_dry_run_counts_and_sends_nothing():
    with Daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        for i in range(20):
            sns.publish(TopicArn=topic, Message=str(i), MessageAttributes={
                "n": {"DataType": "String", "StringValue": str(i % 2)}})
        url, queue = make_queue(sqs, "q")
        # Subscribed afterwards, with a filter: the replay goes by the policy of today.
        arn = subscribe(sns, topic, "sqs", queue, FilterPolicy=json.dumps({"n": ["1"]}), RawMessageDelivery="true")
        done = until_over(daemon, replay(daemon, arn, dry_run="true"))
        assert (done["dry_run"], done["looked_at"], done["sent"], done["filtered_out"]) == (True, 20, 10, 10), done
        assert drain(sqs, url, 1, seconds=1) == []
        done = until_over(daemon, replay(daemon, arn))
        assert sorted(int(m["Body"]) for m in drain(sqs, url, 10)) == list(range(1, 20, 2))


def dead_letters_again_once_the_endpoint_is_well():
    with Daemon() as daemon, Endpoint(answers=[400]) as hook, Endpoint() as fine:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        url, dead = make_queue(sqs, "dead")
        arn = subscribe(sns, topic, "http", hook.url, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        well = subscribe(sns, topic, "http", fine.url)
        for i in range(12):
            sns.publish(TopicArn=topic, Message=str(i))
        assert len(drain(sqs, url, 12)) == 12
        hook.answers = [200]
        hook.requests.clear()
        assert until_over(daemon, replay(daemon, arn, status="lost"))["sent"] == 0
        assert until_over(daemon, replay(daemon, well, status="failed"))["sent"] == 0
        assert until_over(daemon, replay(daemon, arn, status="dead", dry_run="true"))["sent"] == 12
        assert until_over(daemon, replay(daemon, arn, status="failed"))["sent"] == 12
        wait_until(lambda: len(hook.requests) >= 12, "the second chance")
        assert sorted(map(int, hook.messages())) == list(range(12))
        assert drain(sqs, url, 1, seconds=1) == []
        assert len(fine.requests) == 12


def it_goes_on_after_a_kill_at_its_rate():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url)
        for i in range(120):
            sns.publish(TopicArn=topic, Message=str(i))
        wait_until(lambda: len(hook.requests) == 120, "the first time")
        started = time.time()
        number = replay(daemon, arn, rate=40)
        for sent in (20, 60):
            wait_until(lambda: state(daemon, number)["sent"] >= sent, "%d of them" % sent)
            daemon.kill()
            daemon.start()
        done = until_over(daemon, number)
        assert time.time() - started > 2, "faster than its rate"
        assert done["sent"] == 120, done
        wait_until(lambda: len(set(hook.messages()[120:])) == 120, "all of them")
        counts = collections.Counter(hook.messages())
        assert min(counts.values()) >= 2
        # What a kill repeats is what was under way: not everything.
        assert sum(counts.values()) <= 240 + 2 * 64, sum(counts.values())
        # A kill while nothing is under way repeats nothing.
        daemon.kill()
        daemon.start()
        assert state(daemon, number)["state"] == "completed"


def cancelled_and_gone():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url)
        for i in range(50):
            sns.publish(TopicArn=topic, Message=str(i))
        number = replay(daemon, arn, rate=1)
        wait_until(lambda: state(daemon, number)["sent"] >= 1, "a start")
        ask(daemon, "/_fanfare/replay/cancel", "POST", replay=number)
        assert state(daemon, number)["state"] == "cancelled"
        ask(daemon, "/_fanfare/replay/cancel", "POST", expect=409, replay=number)
        number = replay(daemon, arn, rate=1)
        sns.unsubscribe(SubscriptionArn=arn)
        until_over(daemon, number, "subscription_deleted")
        daemon.kill()
        daemon.start()
        assert {r["state"] for r in ask(daemon, "/_fanfare/replay")["replays"]} == {"cancelled", "subscription_deleted"}


def what_is_asked_wrongly():
    with Daemon() as daemon, Endpoint(confirms=False) as silent:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        arn = subscribe(sns, topic, "sqs", make_queue(sqs, "q")[1])
        pending = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=silent.url,
                                ReturnSubscriptionArn=True)["SubscriptionArn"]
        post = lambda expect, **named: ask(daemon, "/_fanfare/replay", "POST", expect=expect, **named)
        post(400)
        post(400, subscription="nonsense")
        post(404, subscription=topic + ":00000000-0000-4000-8000-000000000000")
        post(400, subscription=pending)
        post(400, subscription=arn, until="yesterday")
        post(400, subscription=arn, until="1", **{"from": "2"})
        post(400, subscription=arn, status="happy")
        post(400, subscription=arn, rate="-1")
        post(400, subscription=arn, dry_run="perhaps")
        post(403, subscription=arn, headers={"Origin": "https://evil.example"})
        post(403, subscription=arn, headers={"Sec-Fetch-Site": "cross-site"})
        ask(daemon, "/_fanfare/replay", expect=400, replay="x")
        ask(daemon, "/_fanfare/replay", expect=404, replay="00000000-0000-4000-8000-000000000000")
        ask(daemon, "/_fanfare/replay/cancel", "POST", expect=400)
        ask(daemon, "/_fanfare/replay", "PUT", expect=405)
        assert ask(daemon, "/_fanfare/replay")["replays"] == []
        running = [replay(daemon, arn, rate=1) for _ in range(3)]
        assert len({*running}) == 3
    with Daemon("--set", "history_max_age=0") as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        arn = subscribe(sns, sns.create_topic(Name="orders")["TopicArn"], "sqs", make_queue(sqs, "q")[1])
        ask(daemon, "/_fanfare/replay", "POST", expect=400, subscription=arn)


def command(daemon, *arguments, expect=0):
    done = subprocess.run([FANFARE, "replay", *arguments], capture_output=True, timeout=120, text=True,
                          env=dict(os.environ, FANFARE_ENDPOINT=daemon.url))
    assert done.returncode == expect, done
    return done.stdout


def the_command_does_it():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url)
        for i in range(10):
            sns.publish(TopicArn=topic, Message=str(i))
        wait_until(lambda: len(hook.requests) == 10, "the first time")
        assert "10 would be sent" in command(daemon, arn, "--dry-run")
        done = json.loads(command(daemon, arn, "--since", "1h", "--json"))
        assert (done["state"], done["sent"], done["dry_run"]) == ("completed", 10, False), done
        wait_until(lambda: len(hook.requests) == 20, "the second time")
        assert json.loads(command(daemon, arn, "--until", "1h", "--json", "--dry-run"))["looked_at"] == 0
        assert json.loads(command(daemon, arn, "--status", "failed", "--json"))["sent"] == 0
        running = json.loads(command(daemon, arn, "--rate", "1", "--no-wait", "--json"))
        assert running["state"] == "running" and running["replay_id"] in command(daemon, "list")
        command(daemon, "cancel", running["replay_id"])
        listed = json.loads(command(daemon, "list", "--json"))["replays"]
        assert [r["state"] for r in listed][:2] == ["cancelled", "completed"], listed
        command(daemon, "cancel", running["replay_id"], expect=1)
        command(daemon, topic, expect=2)
        command(daemon, arn, "--since", "yesterday", expect=2)
        command(daemon, expect=2)
        command(daemon, arn, "--since", expect=2)
        daemon.stop()
        command(daemon, arn, expect=3)


main([everything_again_and_by_time, a_dry_run_counts_and_sends_nothing,
      dead_letters_again_once_the_endpoint_is_well, it_goes_on_after_a_kill_at_its_rate,
      cancelled_and_gone, what_is_asked_wrongly, the_command_does_it])
