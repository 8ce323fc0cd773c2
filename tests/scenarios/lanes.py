"""Endpoints are isolated from each other: limits, breakers that park and heal, hanging ones that delay nobody."""

import json
import re
import socket
import threading
import time
import urllib.request

from support import Daemon, Endpoint, drain, main, make_queue, subscribe, wait_until

FAST = json.dumps({"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}})


def metric(daemon, name):
    """The sum over all label sets."""
    with urllib.request.urlopen(daemon.url + "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(name + r"[ {]", line))


def publish(sns, topic, texts):
    texts = list(texts)
    for at in range(0, len(texts), 10):
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
            {"Id": str(i), "Message": text} for i, text in enumerate(texts[at:at + 10])])
        assert len(answer["Successful"]) == len(texts[at:at + 10]), answer


def heal(hook):
    with hook.lock:
        hook.answers = [200]


def a_failing_endpoint_is_left_in_peace_and_gets_everything_when_it_heals():
    with Daemon() as daemon, Endpoint(answers=[503]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="parked")["TopicArn"]
        url, arn = make_queue(sqs, "parked-letters")
        subscribe(sns, topic, "http", hook.url, DeliveryPolicy=FAST,
                  RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
        publish(sns, topic, ("m%d" % i for i in range(200)))
        wait_until(lambda: metric(daemon, "fanfare_breakers_open") == 1, "the breaker to open")
        wait_until(lambda: metric(daemon, "fanfare_subscription_parked") > 100, "deliveries to be parked")
        at_opening = len(hook.requests)
        time.sleep(8)  # longer than the retry policy lasts
        assert len(hook.requests) - at_opening <= 16, "%d attempts at an endpoint whose breaker is open" % (
            len(hook.requests) - at_opening)
        daemon.kill()  # what is parked is on disk
        daemon.start()
        wait_until(lambda: metric(daemon, "fanfare_breakers_open") == 1, "the breaker to open again", 60)
        heal(hook)
        wait_until(lambda: {"m%d" % i for i in range(200)} <= set(hook.messages()),
                   "everything after it healed", 120)
        wait_until(lambda: metric(daemon, "fanfare_breakers_open") == 0, "the breaker to close")
        sqs = daemon.client("sqs")
        assert drain(sqs, url, 1, seconds=2) == [], "a parked message used up its attempts"
        log = daemon.log()
        assert "breaker_open" in log and "breaker_closed" in log


def a_few_messages_are_tried_as_the_policy_says_and_dead_lettered():
    with Daemon() as daemon, Endpoint(answers=[500]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="few")["TopicArn"]
        url, arn = make_queue(sqs, "few-letters")
        subscribe(sns, topic, "http", hook.url, DeliveryPolicy=FAST,
                  RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
        publish(sns, topic, (str(i) for i in range(15)))
        assert len(drain(sqs, url, 15, seconds=60)) == 15
        assert len(hook.requests) == 60


def parked_for_too_long_is_dead_lettered():
    with Daemon("--set", "park_max=3s") as daemon, Endpoint(answers=[500]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="expired")["TopicArn"]
        url, arn = make_queue(sqs, "expired-letters")
        subscribe(sns, topic, "http", hook.url, **{
            "Fanfare.RetrySchedule": "patient", "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn})})
        publish(sns, topic, (str(i) for i in range(150)))
        letters = drain(sqs, url, 100, seconds=90)
        assert len(letters) == 100, len(letters)
        assert "park_max" in daemon.log()


def a_rate_is_kept():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="slowly")["TopicArn"]
        subscribe(sns, topic, "http", hook.url, **{"Fanfare.MaxPerSecond": "10"})
        publish(sns, topic, (str(i) for i in range(50)))
        wait_until(lambda: len(set(hook.messages())) == 50, "all fifty", 60)
        times = [at for at, _, _ in hook.requests]
        assert times[-1] - times[0] >= 4.5, "fifty at ten a second took %.1f s" % (times[-1] - times[0])


def a_topics_throttle_is_kept():
    policy = {"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": 10}}}
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="throttled", Attributes={"DeliveryPolicy": json.dumps(policy)})["TopicArn"]
        subscribe(sns, topic, "http", hook.url)
        publish(sns, topic, (str(i) for i in range(30)))
        wait_until(lambda: len(set(hook.messages())) == 30, "all thirty", 60)
        times = [at for at, _, _ in hook.requests]
        assert times[-1] - times[0] >= 2.5, times


def concurrency_is_kept():
    with Daemon() as daemon, Endpoint(delay=0.05) as hook:
        most, now, lock, take = [0], [0], threading.Lock(), hook.take

        def counted(headers, body):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.05)
            with lock:
                now[0] -= 1
            return take(headers, body)

        hook.delay, hook.take = 0, counted
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="narrow")["TopicArn"]
        subscription = subscribe(sns, topic, "http", hook.url, **{"Fanfare.MaxConcurrency": "2"})
        publish(sns, topic, (str(i) for i in range(40)))
        wait_until(lambda: len(set(hook.messages())) == 40, "all forty", 60)
        assert most[0] <= 2, most
        sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="Fanfare.MaxConcurrency",
                                        AttributeValue="")
        publish(sns, topic, ("w%d" % i for i in range(80)))
        wait_until(lambda: len(set(hook.messages())) == 120, "the rest", 60)
        assert most[0] > 2, most


class Hanging:
    """Accepts connections and never says anything."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = "http://127.0.0.1:%d/" % self.socket.getsockname()[1]
        self.kept = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                self.kept.append(self.socket.accept()[0])
        except OSError:
            pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for kept in self.kept:
            kept.close()


def hanging_and_refusing_endpoints_delay_nobody():
    """More subscriptions than one owed list's window, the bad ones in front and in between."""
    hanging = Hanging()
    try:
        with Daemon("--set", "active_messages_max=20") as daemon, Endpoint(confirms=False) as good:
            sns = daemon.client("sns")
            topic = sns.create_topic(Name="crowd")["TopicArn"]
            with socket.create_server(("127.0.0.1", 0)) as closed:
                refused = "http://127.0.0.1:%d/" % closed.getsockname()[1]

            def add(url):
                sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url, Attributes={"Fanfare.Confirmed": "true"})

            for i in range(400):
                add({0: hanging.url, 1: refused}.get(i % 8, good.url) + "?" + str(i))
            began = time.time()
            for i in range(30):
                sns.publish(TopicArn=topic, Message=str(i))
            wanted = 300 * 30
            wait_until(lambda: len(good.requests) >= wanted, "everything at the good ones", 300, every=0.2)
            print("  %d deliveries in %.1f s beside 50 that hang and 50 that refuse" % (wanted, time.time() - began))
            daemon.kill()
    finally:
        hanging.close()


def what_hangs_takes_half_of_the_room_at_most():
    hanging = Hanging()
    try:
        with Daemon("--set", "deliveries_in_flight_max=16") as daemon, Endpoint(confirms=False) as good:
            sns = daemon.client("sns")
            topic = sns.create_topic(Name="room")["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=good.url, Attributes={"Fanfare.Confirmed": "true"})
            sns.publish(TopicArn=topic, Message="trusted from now on")
            wait_until(lambda: len(good.requests) == 1, "the first message")
            for i in range(20):
                sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hanging.url + str(i), Attributes={"Fanfare.Confirmed": "true"})
            publish(sns, topic, (str(i) for i in range(50)))
            wait_until(lambda: len(good.requests) == 51, "everything at the good one", 60)
            wait_until(lambda: metric(daemon, "fanfare_deliveries_in_flight") == 8, "half of the room to be taken")
            time.sleep(1)
            assert metric(daemon, "fanfare_deliveries_in_flight") <= 8
            daemon.kill()
    finally:
        hanging.close()


def an_endpoint_that_begins_to_hang_is_sent_no_more():
    with Daemon() as daemon, Endpoint(confirms=False) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="stalls")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url, Attributes={"Fanfare.Confirmed": "true"})
        publish(sns, topic, (str(i) for i in range(200)))  # its window is wide now
        wait_until(lambda: len(hook.requests) == 200, "the first messages", 60)
        hook.delay = 12
        publish(sns, topic, ["stuck"])
        wait_until(lambda: len(hook.requests) == 201, "the one that takes its time")
        time.sleep(3)  # longer than good answers take, and than a second
        publish(sns, topic, (str(i) for i in range(5)))
        time.sleep(2)
        assert len(hook.requests) == 201, len(hook.requests)
        hook.delay = 0
        wait_until(lambda: len(hook.requests) == 206, "the rest, once it has answered", 60)


main([a_failing_endpoint_is_left_in_peace_and_gets_everything_when_it_heals,
      a_few_messages_are_tried_as_the_policy_says_and_dead_lettered, parked_for_too_long_is_dead_lettered,
      a_rate_is_kept, a_topics_throttle_is_kept, concurrency_is_kept,
      hanging_and_refusing_endpoints_delay_nobody, what_hangs_takes_half_of_the_room_at_most,
      an_endpoint_that_begins_to_hang_is_sent_no_more])
