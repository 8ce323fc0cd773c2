"""Retry on schedule, exactly once after success; the dead-letter queue gets what the endpoint would have had."""

import json
import time

from support import Daemon, Endpoint, drain, expect_error, main, make_queue, subscribe, wait_until

FAST = json.dumps({"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 2,
                                          "backoffFunction": "linear"}})


def three_failures_then_success_arrives_once_and_on_schedule():
    with Daemon() as daemon, Endpoint(answers=[500, 503, 500, 200]) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="retried")["TopicArn"]
        subscribe(sns, topic, "http", hook.url, DeliveryPolicy=FAST)
        sns.publish(TopicArn=topic, Message="again")
        wait_until(lambda: len(hook.requests) == 4, "four attempts", 30)
        time.sleep(2.5)
        assert len(hook.requests) == 4, "it came again after its success"
        times = [at for at, _, _ in hook.requests]
        gaps = [b - a for a, b in zip(times, times[1:])]
        for gap, wanted in zip(gaps, (1.0, 1.5, 2.0)):  # a tenth of jitter, and a slow machine
            assert wanted * 0.88 <= gap <= wanted * 1.1 + 2, gaps
        ids = {json.loads(body)["MessageId"] for body in hook.bodies()}
        assert len(ids) == 1, ids
        assert "delivery_retry" in daemon.log()


def an_endpoint_that_never_succeeds_ends_in_the_dead_letter_queue():
    for raw in ("false", "true"):
        with Daemon() as daemon, Endpoint(answers=[500]) as hook:
            sns, sqs = daemon.client("sns"), daemon.client("sqs")
            topic = sns.create_topic(Name="dead")["TopicArn"]
            url, arn = make_queue(sqs, "dead-letters")
            subscribe(sns, topic, "http", hook.url, DeliveryPolicy=FAST, RawMessageDelivery=raw,
                      RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
            sns.publish(TopicArn=topic, Message="lost?", Subject="s",
                        MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
            letters = drain(sqs, url, 1, seconds=30)
            assert len(letters) == 1
            assert len(hook.requests) == 4
            sent = hook.bodies()[0].decode()
            if raw == "true":
                assert letters[0]["Body"] == sent == "lost?"
                assert letters[0]["MessageAttributes"]["a"]["StringValue"] == "b"
            else:
                assert json.loads(letters[0]["Body"]) == json.loads(sent), (letters[0]["Body"], sent)
            log = daemon.log()
            assert "delivery_dead" in log and "500" in log, log


def a_refusal_is_dead_at_once():
    with Daemon() as daemon, Endpoint(answers=[403]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="refused")["TopicArn"]
        url, arn = make_queue(sqs, "refused-letters")
        subscribe(sns, topic, "http", hook.url, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
        sns.publish(TopicArn=topic, Message="no")
        assert len(drain(sqs, url, 1)) == 1
        assert len(hook.requests) == 1


def retries_survive_a_kill():
    with Daemon() as daemon, Endpoint(answers=[500, 500, 200]) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="killed")["TopicArn"]
        subscribe(sns, topic, "http", hook.url, DeliveryPolicy=json.dumps(
            {"healthyRetryPolicy": {"numRetries": 5, "minDelayTarget": 1, "maxDelayTarget": 1}}))
        sns.publish(TopicArn=topic, Message="still owed")
        wait_until(lambda: len(hook.requests) >= 1, "the first attempt")
        time.sleep(0.3)
        daemon.kill()
        daemon.start()
        wait_until(lambda: len(hook.requests) >= 3, "the attempts after the restart", 30)
        assert set(hook.messages()) == {"still owed"}


def a_dead_endpoint_delays_nobody():
    with Daemon() as daemon, Endpoint(answers=[500]) as bad, Endpoint() as good:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="mixed")["TopicArn"]
        subscribe(sns, topic, "http", bad.url)
        subscribe(sns, topic, "http", good.url)
        for i in range(300):
            sns.publish(TopicArn=topic, Message=str(i))
        wait_until(lambda: len(set(good.messages())) == 300, "all messages at the good endpoint", 30)


def deleted_queues_and_subscriptions_end_quietly():
    with Daemon() as daemon, Endpoint(answers=[500]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="ended")["TopicArn"]
        dead_url, dead = make_queue(sqs, "ended-dead")
        url, arn = make_queue(sqs, "ended")
        subscribe(sns, topic, "sqs", arn, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        gone = subscribe(sns, topic, "http", hook.url)
        sqs.delete_queue(QueueUrl=url)
        sns.publish(TopicArn=topic, Message="to nowhere")
        assert json.loads(drain(sqs, dead_url, 1)[0]["Body"])["Message"] == "to nowhere"
        wait_until(lambda: len(hook.requests) >= 1, "an attempt")
        sns.unsubscribe(SubscriptionArn=gone)
        sns.delete_topic(TopicArn=topic)
        assert sns.list_topics()["Topics"] == []
        daemon.kill()
        daemon.start()
        assert daemon.client("sns").list_subscriptions()["Subscriptions"] == []


def an_endpoint_that_is_gone_disables_its_subscription():
    with Daemon() as daemon, Endpoint(answers=[410, 200]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="gone")["TopicArn"]
        url, arn = make_queue(sqs, "gone-letters")
        subscription = subscribe(sns, topic, "http", hook.url,
                                 RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))

        def disabled():
            found = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
            return found.get("Fanfare.Disabled", "")

        def publish(text):
            sns.publish(TopicArn=topic, Message=text)

        assert disabled() == ""
        publish("first")
        assert json.loads(drain(sqs, url, 1)[0]["Body"])["Message"] == "first"
        wait_until(disabled, "the subscription to be disabled")
        assert "410" in disabled(), disabled()
        daemon.kill()
        daemon.start()
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        publish("second")
        assert json.loads(drain(sqs, url, 1)[0]["Body"])["Message"] == "second"
        assert len(hook.requests) == 1, "it was asked again"
        expect_error("InvalidParameter", sns.set_subscription_attributes, SubscriptionArn=subscription,
                     AttributeName="Fanfare.Disabled", AttributeValue="because")
        sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="Fanfare.Disabled",
                                        AttributeValue="")
        assert disabled() == ""
        publish("third")
        wait_until(lambda: len(hook.requests) == 2, "the delivery after it was enabled again")
        assert hook.messages()[1] == "third"
        assert "subscription_disabled" in daemon.log()


def a_topics_policy_rules_its_subscriptions():
    policy = {"http": {"defaultHealthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1},
                       "disableSubscriptionOverrides": True}}
    with Daemon() as daemon, Endpoint(answers=[500]) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="ruled", Attributes={"DeliveryPolicy": json.dumps(policy)})["TopicArn"]
        url, arn = make_queue(sqs, "ruled-letters")
        subscribe(sns, topic, "http", hook.url, DeliveryPolicy=FAST,
                  RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
        sns.publish(TopicArn=topic, Message="twice")
        assert len(drain(sqs, url, 1, seconds=30)) == 1
        assert len(hook.requests) == 2
        policy["http"]["disableSubscriptionOverrides"] = False
        sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(policy))
        sns.publish(TopicArn=topic, Message="four times")
        assert len(drain(sqs, url, 1, seconds=30)) == 1
        assert len(hook.requests) == 6


def a_schedule_of_its_own_replaces_the_policy():
    with Daemon() as daemon, Endpoint(answers=[500, 500, 200]) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="scheduled")["TopicArn"]
        expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint=hook.url,
                     Attributes={"Fanfare.RetrySchedule": "now and then"})
        subscribe(sns, topic, "http", hook.url, **{"Fanfare.RetrySchedule": "0s,2s", "DeliveryPolicy": FAST})
        sns.publish(TopicArn=topic, Message="at last")
        wait_until(lambda: len(hook.requests) == 3, "three attempts", 30)
        times = [at for at, _, _ in hook.requests]
        assert times[1] - times[0] < times[2] - times[1] and times[2] - times[1] >= 1.7, times


main([three_failures_then_success_arrives_once_and_on_schedule,
      an_endpoint_that_never_succeeds_ends_in_the_dead_letter_queue, a_refusal_is_dead_at_once,
      retries_survive_a_kill, a_dead_endpoint_delays_nobody,
      deleted_queues_and_subscriptions_end_quietly, an_endpoint_that_is_gone_disables_its_subscription,
      a_topics_policy_rules_its_subscriptions, a_schedule_of_its_own_replaces_the_policy])
