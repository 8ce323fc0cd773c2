"""A shared object of somebody else's brings a protocol of its own: subscribed, delivered to, kept over a kill."""

import json
import os
import tempfile

from support import FANFARE, Daemon, drain, expect_error, main, make_queue, subscribe, wait_until

PLUGINS = os.environ.get("EXAMPLE_PLUGINS", os.path.join(os.path.dirname(FANFARE), "tests/support/plugins"))


def a_plug_ins_protocol_can_be_subscribed_and_survives_a_kill():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "appended")
        with Daemon("--set", "plugins=" + os.path.join(PLUGINS, "append")) as daemon:
            sns, sqs = daemon.client("sns"), daemon.client("sqs")
            topic = sns.create_topic(Name="plugged")["TopicArn"]
            url, dead = make_queue(sqs, "plugged-dead")
            arn = subscribe(sns, topic, "append", "file:" + path, RawMessageDelivery="true")
            assert arn == sns.subscribe(TopicArn=topic, Protocol="append", Endpoint="file:" + path)["SubscriptionArn"]
            found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
            assert found["Protocol"] == "append" and found["Endpoint"] == "file:" + path, found
            assert not [name for name in found if name.startswith("fanfare.")], found
            assert [s["Protocol"] for s in sns.list_subscriptions()["Subscriptions"]] == ["append"]
            sns.publish(TopicArn=topic, Message="one")
            wait_until(lambda: os.path.exists(path) and open(path).read() == "one\n", "the line of the plug-in")
            daemon.kill()
            daemon.start()
            sns, sqs = daemon.client("sns"), daemon.client("sqs")
            sns.publish(TopicArn=topic, Message="two")
            # The first may have been under way at the kill: then it comes twice.
            wait_until(lambda: open(path).read() in ("one\ntwo\n", "one\none\ntwo\n"), "the line after the restart")
            subscribe(sns, topic, "append", "file:/nowhere/at/all", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
            sns.publish(TopicArn=topic, Message="three")
            assert json.loads(drain(sqs, url, 1)[0]["Body"])["Message"] == "three"
            sns.unsubscribe(SubscriptionArn=arn)
            assert len(sns.list_subscriptions()["Subscriptions"]) == 1


def what_nobody_delivers_is_refused_as_aws_does():
    with Daemon("--set", "plugins=" + os.path.join(PLUGINS, "append")) as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="plugged")["TopicArn"]
        for protocol in ("plugin", "appendix", "Append", "carrier-pigeon"):
            said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint="file:/x")
            assert "does not support this protocol string: " + protocol in said, said
        said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="append", Endpoint="nonsense")
        assert "must be file: and an absolute path" in said, said
        fifo = sns.create_topic(Name="plugged.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        expect_error("InvalidParameter", sns.subscribe, TopicArn=fifo, Protocol="append", Endpoint="file:/x")


def a_subscription_outlives_its_plug_in():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "appended")
        with Daemon("--set", "plugins=" + os.path.join(PLUGINS, "append")) as daemon:
            sns = daemon.client("sns")
            topic = sns.create_topic(Name="orphan")["TopicArn"]
            arn = subscribe(sns, topic, "append", "file:" + path, RawMessageDelivery="true")
            daemon.stop()
            daemon.arguments = []
            daemon.start()
            sns = daemon.client("sns")
            assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["Protocol"] == "append"
            sns.publish(TopicArn=topic, Message="kept")
            wait_until(lambda: "nothing here delivers to append" in daemon.log(), "the reason in the log")
            daemon.stop()
            daemon.arguments = ["--set", "plugins=" + os.path.join(PLUGINS, "append")]
            daemon.start()
            wait_until(lambda: os.path.exists(path) and open(path).read() == "kept\n", "its delivery once the plug-in is back", 60)


main([a_plug_ins_protocol_can_be_subscribed_and_survives_a_kill, what_nobody_delivers_is_refused_as_aws_does,
      a_subscription_outlives_its_plug_in])
