"""FIFO topics deduplicate themselves: five minutes, by topic or by group, over batches and restarts."""

import json
import threading

from support import Daemon, drain, main, make_queue, subscribe


def make_topic(daemon, name, **attributes):
    """A FIFO topic with a standard queue behind it, which would show every copy."""
    sns, sqs = daemon.client("sns"), daemon.client("sqs")
    topic = sns.create_topic(Name=name + ".fifo", Attributes={"FifoTopic": "true", **attributes})["TopicArn"]
    url, arn = make_queue(sqs, name + "-copies")
    subscribe(sns, topic, "sqs", arn)
    return sns, sqs, topic, url


def answers(found):
    return [(json.loads(m["Body"])["Message"], json.loads(m["Body"])["SequenceNumber"]) for m in found]


def a_duplicate_gets_the_first_ones_answer_and_goes_nowhere():
    with Daemon() as daemon:
        sns, sqs, topic, url = make_topic(daemon, "once")
        first = sns.publish(TopicArn=topic, Message="a", MessageGroupId="g", MessageDeduplicationId="1")
        again = sns.publish(TopicArn=topic, Message="other", MessageGroupId="h", MessageDeduplicationId="1")
        assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
        daemon.kill()
        daemon.start()
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        again = sns.publish(TopicArn=topic, Message="a", MessageGroupId="g", MessageDeduplicationId="1")
        assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
        second = sns.publish(TopicArn=topic, Message="b", MessageGroupId="g", MessageDeduplicationId="2")
        assert int(second["SequenceNumber"]) > int(first["SequenceNumber"])
        assert sorted(answers(drain(sqs, url, 3, seconds=3))) == [
            ("a", first["SequenceNumber"]), ("b", second["SequenceNumber"])]


def by_content_and_inside_a_batch():
    with Daemon() as daemon:
        sns, sqs, topic, url = make_topic(daemon, "content", ContentBasedDeduplication="true")
        answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
            {"Id": str(i), "Message": text, "MessageGroupId": "g"} for i, text in enumerate("abab")])
        ids = [entry["MessageId"] for entry in answer["Successful"]]
        assert ids[0] == ids[2] and ids[1] == ids[3] and ids[0] != ids[1], ids
        assert sns.publish(TopicArn=topic, Message="b", MessageGroupId="g")["MessageId"] == ids[1]
        own = sns.publish(TopicArn=topic, Message="b", MessageGroupId="g", MessageDeduplicationId="own")
        assert own["MessageId"] not in ids
        assert sorted(text for text, _ in answers(drain(sqs, url, 4, seconds=3))) == ["a", "b", "b"]


def the_scope_may_be_the_group():
    with Daemon() as daemon:
        sns, sqs, topic, url = make_topic(daemon, "scoped", FifoThroughputScope="MessageGroup")
        ids = [sns.publish(TopicArn=topic, Message=group, MessageGroupId=group,
                           MessageDeduplicationId="1")["MessageId"] for group in "aabba"]
        assert ids[0] == ids[1] == ids[4] and ids[2] == ids[3] and ids[0] != ids[2], ids
        assert sorted(text for text, _ in answers(drain(sqs, url, 3, seconds=3))) == ["a", "b"]


def many_at_once_are_one():
    with Daemon() as daemon:
        sns, sqs, topic, url = make_topic(daemon, "race")
        ids, lock = set(), threading.Lock()

        def publish():
            client = daemon.client("sns")
            for i in range(50):
                answer = client.publish(TopicArn=topic, Message=str(i), MessageGroupId="g", MessageDeduplicationId=str(i))
                with lock:
                    ids.add(answer["MessageId"])

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 50, len(ids)
        assert sorted(int(text) for text, _ in answers(drain(sqs, url, 51, seconds=5))) == list(range(50))


main([a_duplicate_gets_the_first_ones_answer_and_goes_nowhere, by_content_and_inside_a_batch,
      the_scope_may_be_the_group, many_at_once_are_one])
