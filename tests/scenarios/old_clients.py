"""Two clients that nobody maintains any more and Debian still has: boto 2 for Python, Amazon::SQS::Simple for Perl."""

import json
import subprocess

from support import Daemon, main

PERL = r"""
use Amazon::SQS::Simple;
my $sqs = Amazon::SQS::Simple->new('AKID', 'secret', Endpoint => $ARGV[0], Timeout => 20);
my $queue = $sqs->CreateQueue('old');
print $queue->Endpoint, "\n";
$queue->SendMessage("hello & <$_>") for 1 .. 3;
for (1 .. 3) {
    my $message = $queue->ReceiveMessage(WaitTimeSeconds => 5);
    print $message->MessageBody, "\n";
    $queue->DeleteMessage($message->ReceiptHandle);
}
print $queue->GetAttributes->{ApproximateNumberOfMessages}, "\n";
"""


def perl_sends_and_receives():
    """It sends a form and an X-Amz-Target beside it, a scope named after the host, and a Host without its port."""
    with Daemon() as daemon:
        done = subprocess.run(["perl", "-e", PERL, daemon.url], capture_output=True, text=True, timeout=120)
        lines = done.stdout.split("\n")
        assert done.returncode == 0 and not done.stderr, done
        assert lines[0] == daemon.url + "/000000000000/old", lines
        assert sorted(lines[1:4]) == ["hello & <%d>" % i for i in (1, 2, 3)], lines
        assert lines[4] == "0", lines


def boto_publishes_to_a_queue():
    """It asks for JSON by a parameter, and takes region and service from the host's name."""
    from boto.regioninfo import RegionInfo
    from boto.sns.connection import SNSConnection
    from boto.sqs.connection import SQSConnection
    from boto.sqs.message import RawMessage

    with Daemon() as daemon:
        here = dict(is_secure=False, port=daemon.port, region=RegionInfo(name="us-east-1", endpoint="127.0.0.1"))
        sns, sqs = SNSConnection("AKID", "secret", **here), SQSConnection("AKID", "secret", **here)
        topic = sns.create_topic("old")["CreateTopicResponse"]["CreateTopicResult"]["TopicArn"]
        listed = sns.get_all_topics()["ListTopicsResponse"]["ListTopicsResult"]
        assert listed == {"Topics": [{"TopicArn": topic}], "NextToken": None}, listed
        queue = sqs.create_queue("old")
        queue.set_message_class(RawMessage)
        sns.subscribe_sqs_queue(topic, queue)
        found = sns.get_all_subscriptions_by_topic(topic)["ListSubscriptionsByTopicResponse"]["ListSubscriptionsByTopicResult"]
        assert [one["Endpoint"] for one in found["Subscriptions"]] == [queue.arn], found
        assert sns.publish(topic, "hello", "news")["PublishResponse"]["PublishResult"]["MessageId"]
        message = queue.read(wait_time_seconds=10)
        assert json.loads(message.get_body())["Message"] == "hello", message.get_body()
        assert queue.delete_message(message)
        sns.delete_topic(topic)


if __name__ == "__main__":
    main([perl_sends_and_receives, boto_publishes_to_a_queue])
