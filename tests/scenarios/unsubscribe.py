"""Whoever unsubscribes without signing is not believed at once: the endpoint is told, and may take it back."""

import json
import urllib.error
import urllib.parse
import urllib.request

from support import Daemon, Endpoint, expect_error, main, make_queue, subscribe, verify_signature, wait_until

FAST = json.dumps({"healthyRetryPolicy": {"numRetries": 50, "minDelayTarget": 1, "maxDelayTarget": 1}})
FILTER = json.dumps({"kind": ["a"]})


def get(url):
    """A plain GET, as from a log or a browser.  Status and text."""
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def publish(sns, topic, text, kind="a"):
    sns.publish(TopicArn=topic, Message=text, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}})


def of_type(hook, kind):
    """Headers (lower case) and envelopes of one type, in their order."""
    with hook.lock:
        found = [({k.lower(): v for k, v in headers.items()}, body) for _, headers, body in hook.requests]
    return [(headers, json.loads(body)) for headers, body in found if headers["x-amz-sns-message-type"] == kind]


def goodbyes(hook):
    return of_type(hook, "UnsubscribeConfirmation")


def texts(hook):
    return [envelope["Message"] for _, envelope in of_type(hook, "Notification")]


def arns(sns, topic):
    return [s["SubscriptionArn"] for s in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]]


def attributes_of(sns, arn):
    return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


def counts(sns, topic):
    found = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    return tuple(int(found["Subscriptions" + name]) for name in ("Confirmed", "Pending", "Deleted"))


def link(daemon, arn):
    """What a notification's UnsubscribeURL says."""
    return "%s/?Action=Unsubscribe&SubscriptionArn=%s" % (daemon.url, arn)


def the_link_ends_it_and_the_endpoint_takes_it_back():
    with Daemon() as daemon, Endpoint() as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="orders")["TopicArn"]
        _, dead = make_queue(sqs, "orders-dead")
        arn = subscribe(sns, topic, "http", hook.url, FilterPolicy=FILTER, DeliveryPolicy=FAST,
                        RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}), **{"Fanfare.MaxPerSecond": "500"})
        before = attributes_of(sns, arn)
        publish(sns, topic, "first")
        wait_until(lambda: texts(hook) == ["first"], "the first message")
        url = of_type(hook, "Notification")[0][1]["UnsubscribeURL"]
        assert get(url)[0] == 200
        wait_until(lambda: goodbyes(hook), "the confirmation")
        headers, envelope = goodbyes(hook)[0]
        assert list(envelope) == ["Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp",
                                  "SignatureVersion", "Signature", "SigningCertURL"], envelope
        assert envelope["Message"] == (
            "You have chosen to deactivate subscription %s.\nTo cancel this operation and restore the subscription, "
            "visit the SubscribeURL included in this message." % arn), envelope
        assert headers["x-amz-sns-message-id"] == envelope["MessageId"]
        assert headers["x-amz-sns-subscription-arn"] == arn and headers["x-amz-sns-topic-arn"] == topic
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(envelope["SubscribeURL"]).query)
        assert query == {"Action": ["ConfirmSubscription"], "TopicArn": [topic], "Token": [envelope["Token"]]}, query
        verify_signature(envelope)

        assert arns(sns, topic) == [] and sns.list_subscriptions()["Subscriptions"] == []
        assert counts(sns, topic) == (0, 0, 1)
        expect_error("NotFound", sns.get_subscription_attributes, SubscriptionArn=arn)
        publish(sns, topic, "nobody hears")
        assert get(url)[0] == 200  # it is gone: nothing more is sent

        status, answer = get(envelope["SubscribeURL"])
        assert status == 200 and "<SubscriptionArn>%s</SubscriptionArn>" % arn in answer, answer
        assert arns(sns, topic) == [arn] and attributes_of(sns, arn) == before, attributes_of(sns, arn)
        assert counts(sns, topic)[:2] == (1, 0)
        publish(sns, topic, "filtered out", kind="b")
        publish(sns, topic, "second")
        wait_until(lambda: "second" in texts(hook), "a message after it came back")
        assert get(envelope["SubscribeURL"])[0] == 200 and arns(sns, topic) == [arn]  # twice is no mistake
        daemon.kill()
        daemon.start()
        sns = daemon.client("sns")
        assert arns(sns, topic) == [arn] and counts(sns, topic)[:2] == (1, 0)
        publish(sns, topic, "third")
        wait_until(lambda: "third" in texts(hook), "a message after the restart")
        # What was under way at the kill may come twice.
        assert list(dict.fromkeys(texts(hook))) == ["first", "second", "third"], texts(hook)
        assert len({envelope["MessageId"] for _, envelope in goodbyes(hook)}) == 1


def who_signs_is_believed():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="signed")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url)
        sns.unsubscribe(SubscriptionArn=arn)
        assert arns(sns, topic) == []
        arn = subscribe(sns, topic, "http", hook.url)
        # What is sent in its place shows that nothing was owed before it.
        publish(sns, topic, "behind it")
        wait_until(lambda: texts(hook) == ["behind it"], "the message")
        assert goodbyes(hook) == []
        # A token that brought something back brings nothing back that was ended with a signature.
        assert get(link(daemon, arn))[0] == 200
        wait_until(lambda: goodbyes(hook), "the confirmation")
        back = goodbyes(hook)[0][1]["SubscribeURL"]
        assert get(back)[0] == 200 and arns(sns, topic) == [arn]
        sns.unsubscribe(SubscriptionArn=arn)
        status, answer = get(back)
        assert status == 400 and "Invalid token" in answer, answer
        assert arns(sns, topic) == [] and len(goodbyes(hook)) == 1


def a_guarded_one_is_not_ended_by_a_link():
    with Daemon() as daemon, Endpoint(confirms=False) as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="guarded")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
        wait_until(lambda: hook.confirmations, "the handshake")
        arn = sns.confirm_subscription(TopicArn=topic, Token=hook.confirmations[0][1]["Token"],
                                       AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
        assert get(link(daemon, arn))[0] == 403 and arns(sns, topic) == [arn]


def a_pending_one_and_a_queue_are_asked_nothing():
    with Daemon() as daemon, Endpoint(confirms=False) as hook:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="quiet")["TopicArn"]
        url, queue = make_queue(sqs, "quiet")
        pending = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url,
                                ReturnSubscriptionArn=True)["SubscriptionArn"]
        wait_until(lambda: hook.confirmations, "the handshake")
        assert get(link(daemon, pending))[0] == 200
        assert get(link(daemon, subscribe(sns, topic, "sqs", queue)))[0] == 200
        assert arns(sns, topic) == []
        assert get(hook.confirmations[0][1]["SubscribeURL"])[0] == 400
        # Both would have had it by now: what is published behind it has arrived.
        subscribe(sns, topic, "sqs", queue)
        publish(sns, topic, "behind it")
        wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), "the message")
        assert goodbyes(hook) == [] and len(hook.confirmations) == 1


def an_endpoint_that_is_down_is_told_later_over_a_kill():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="down")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url, DeliveryPolicy=FAST)
        with hook.lock:
            hook.answers = [500, 503, 503, 200]
        assert get(link(daemon, arn))[0] == 200
        daemon.kill()  # before it was delivered, or between two attempts
        daemon.start()
        wait_until(lambda: len(goodbyes(hook)) >= 2, "a second attempt", 30)
        daemon.kill()
        daemon.start()
        sns = daemon.client("sns")
        assert arns(sns, topic) == [] and counts(sns, topic) == (0, 0, 1)
        wait_until(lambda: len(goodbyes(hook)) >= 4, "the attempt that is answered", 30)
        ids = {envelope["MessageId"] for _, envelope in goodbyes(hook)}
        assert len(ids) == 1, ids
        assert get(goodbyes(hook)[-1][1]["SubscribeURL"])[0] == 200 and arns(sns, topic) == [arn]
        assert attributes_of(sns, arn)["DeliveryPolicy"] == FAST
        publish(sns, topic, "back again")
        wait_until(lambda: texts(hook) == ["back again"], "a message")


def what_was_subscribed_anew_stays():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="anew")["TopicArn"]
        first = subscribe(sns, topic, "http", hook.url, FilterPolicy=FILTER)
        assert get(link(daemon, first))[0] == 200
        wait_until(lambda: goodbyes(hook), "the confirmation")
        back = goodbyes(hook)[0][1]["SubscribeURL"]
        second = subscribe(sns, topic, "http", hook.url)
        assert second != first
        status, answer = get(back)
        assert status == 200 and second in answer, answer
        assert arns(sns, topic) == [second] and "FilterPolicy" not in attributes_of(sns, second)
        # Pending ones are confirmed by it: the token was sent to their endpoint, too.
        sns.unsubscribe(SubscriptionArn=second)
        hook.confirms = False
        third = subscribe_and_end(daemon, sns, topic, hook)
        pending = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url,
                                ReturnSubscriptionArn=True)["SubscriptionArn"]
        assert pending != third and attributes_of(sns, pending)["PendingConfirmation"] == "true"
        status, answer = get(goodbyes(hook)[-1][1]["SubscribeURL"])
        assert status == 200 and pending in answer, answer
        assert attributes_of(sns, pending)["PendingConfirmation"] == "false" and arns(sns, topic) == [pending]


def subscribe_and_end(daemon, sns, topic, hook):
    """Confirmed by its token, ended by its link; the ARN."""
    told, asked = len(goodbyes(hook)), len(hook.confirmations)
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    wait_until(lambda: len(hook.confirmations) > asked, "the handshake")
    arn = sns.confirm_subscription(TopicArn=topic, Token=hook.confirmations[-1][1]["Token"])["SubscriptionArn"]
    assert get(link(daemon, arn))[0] == 200
    wait_until(lambda: len(goodbyes(hook)) > told, "the confirmation")
    return arn


def a_topic_that_is_gone_brings_nothing_back():
    with Daemon() as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="ended")["TopicArn"]
        arn = subscribe(sns, topic, "http", hook.url)
        assert get(link(daemon, arn))[0] == 200
        wait_until(lambda: goodbyes(hook), "the confirmation")
        back = goodbyes(hook)[0][1]["SubscribeURL"]
        sns.delete_topic(TopicArn=topic)
        status, answer = get(back)
        assert status == 400 and "Invalid parameter: Token" in answer, answer
        sns.create_topic(Name="ended")  # another one of that name
        status, answer = get(back)
        assert status == 400 and "Invalid token" in answer, answer
        assert sns.list_subscriptions()["Subscriptions"] == []


main([the_link_ends_it_and_the_endpoint_takes_it_back, who_signs_is_believed, a_guarded_one_is_not_ended_by_a_link,
      a_pending_one_and_a_queue_are_asked_nothing, an_endpoint_that_is_down_is_told_later_over_a_kill,
      what_was_subscribed_anew_stays, a_topic_that_is_gone_brings_nothing_back])
