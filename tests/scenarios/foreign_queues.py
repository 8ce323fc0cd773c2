"""Subscriptions of protocol sqs that lead to other servers: a second daemon, npm fauxqs, and a stand-in that checks signatures."""

import contextlib
import json
import subprocess
import tempfile
import time

from foreign import Fauxqs, StandIn
from support import FANFARE, Daemon, drain, expect_error, free_port, main, make_queue, subscribe, wait_until

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ACCOUNT = "111122223333"


@contextlib.contextmanager
def secret_file(secret=SECRET):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(secret + "\n")
        file.flush()
        yield file


def sender(**servers):
    return Daemon("--set", "sqs.servers=" + json.dumps({name.replace("_", "-"): settings for name, settings in servers.items()}))


def other(*arguments, **named):
    return Daemon("--set", "account=" + ACCOUNT, *arguments, **named)


OFTEN = {"Fanfare.RetrySchedule": ",".join(["1s"] * 48)}  # nobody waits for the schedule of AWS
ATTRIBUTES = {"order-id": {"DataType": "String", "StringValue": "a&b=\u00fc \"c\" \\"}, "n": {"DataType": "Number", "StringValue": "7.50"},
              "p": {"DataType": "Binary", "BinaryValue": b"\0\1\xff"}, "l": {"DataType": "String.Array", "StringValue": '["x"]'}}
BODY = "h\u00e9llo \U0001f600 <&> \"quoted\" \\ + % = \t\n end"


def a_second_daemon_gets_both_forms_in_both_protocols():
    for protocol in ("json", "query"):
        with other() as there:
            with sender(there={"url": there.url, "protocol": protocol, "accounts": [ACCOUNT]}) as here:
                sns, sqs = here.client("sns"), there.client("sqs")
                topic = sns.create_topic(Name="abroad")["TopicArn"]
                raw_url, raw_arn = make_queue(sqs, "raw")
                full_url, full_arn = make_queue(sqs, "full")
                assert ":%s:" % ACCOUNT in raw_arn, raw_arn
                arn = subscribe(sns, topic, "sqs", raw_url, RawMessageDelivery="true")
                subscribe(sns, topic, "sqs", full_arn)
                found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
                assert found["Protocol"] == "sqs" and found["Endpoint"] == raw_url and found["ConfirmationWasAuthenticated"] == "true", found
                said = sns.publish(TopicArn=topic, Message=BODY, Subject="s", MessageAttributes=ATTRIBUTES)
                got = drain(sqs, raw_url, 1)[0]
                assert got["Body"] == BODY, got["Body"]
                for name, value in ATTRIBUTES.items():
                    seen = got["MessageAttributes"][name]
                    assert {k: seen[k] for k in value} == value, seen
                envelope = json.loads(drain(sqs, full_url, 1)[0]["Body"])
                assert envelope["Message"] == BODY and envelope["Subject"] == "s" and envelope["MessageId"] == said["MessageId"], envelope
                assert envelope["MessageAttributes"]["p"] == {"Type": "Binary", "Value": "AAH/"} and envelope["Signature"], envelope
                here.kill()
                here.start()
                here.client("sns").publish(TopicArn=topic, Message="after a restart")
                assert drain(sqs, raw_url, 1)[0]["Body"] == "after a restart"
                assert drain(sqs, raw_url, 1, seconds=0.3) == []


def an_own_queue_stays_in_the_house():
    with other() as there, sender(there={"url": there.url, "accounts": [ACCOUNT]}) as here:
        sns, sqs = here.client("sns"), here.client("sqs")
        topic = sns.create_topic(Name="home")["TopicArn"]
        url, arn = make_queue(sqs, "home")
        subscribe(sns, topic, "sqs", arn, RawMessageDelivery="true")
        sns.publish(TopicArn=topic, Message="in the house")
        assert drain(sqs, url, 1)[0]["Body"] == "in the house"


def fifo_queues_keep_order_groups_and_deduplication():
    for protocol in ("json", "query"):
        with other() as there, sender(there={"url": there.url, "protocol": protocol}) as here:
            sns, sqs = here.client("sns"), there.client("sqs")
            topic = sns.create_topic(Name="line.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
            standard = sns.create_topic(Name="line")["TopicArn"]
            url, _ = make_queue(sqs, "line.fifo", FifoQueue="true")
            expect_error("InvalidParameter", sns.subscribe, TopicArn=standard, Protocol="sqs", Endpoint=url)
            subscribe(sns, topic, "sqs", url, RawMessageDelivery="true")
            for i in range(60):
                sns.publish(TopicArn=topic, Message="%d" % i, MessageGroupId="g%d" % (i % 3), MessageDeduplicationId="d%d" % i)
            sns.publish(TopicArn=topic, Message="again", MessageGroupId="g0", MessageDeduplicationId="d0")
            got = drain(sqs, url, 60)
            assert len(got) == 60 and drain(sqs, url, 1, seconds=0.3) == []
            for group in range(3):
                bodies = [int(m["Body"]) for m in got if m["Attributes"]["MessageGroupId"] == "g%d" % group]
                assert bodies == [i for i in range(60) if i % 3 == group], (group, bodies)
            assert {m["Attributes"]["MessageDeduplicationId"] for m in got} == {"d%d" % i for i in range(60)}


def fauxqs_takes_what_we_send():
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(node[1:].split(".")[0]) < 20:
        print("(fauxqs needs Node 20, here is %s: not tried)" % node.strip())
        return
    with Fauxqs() as there, secret_file() as file:
        public = "http://" + there.make_queue("first").split("/")[2]
        with sender(faux={"url": there.url, "public_url": public, "access_key": "AKIDEXAMPLE", "secret_key_file": file.name, "accounts": ["424242424242"]}) as here:
            sns = here.client("sns")
            plain = BODY.replace("\U0001f600", "")  # it takes no character outside of the BMP
            topic = sns.create_topic(Name="faux")["TopicArn"]
            url, full = there.make_queue("faux"), there.make_queue("faux-full")
            subscribe(sns, topic, "sqs", url, RawMessageDelivery="true")
            subscribe(sns, topic, "sqs", full)
            sns.publish(TopicArn=topic, Message=plain, MessageAttributes=ATTRIBUTES)
            got = there.drain(url, 1)[0]
            assert got["Body"] == plain and got["MessageAttributes"]["order-id"]["StringValue"] == ATTRIBUTES["order-id"]["StringValue"], got
            assert got["MessageAttributes"]["p"]["BinaryValue"] == "AAH/", got
            assert json.loads(there.drain(full, 1)[0]["Body"])["Message"] == plain
            fifo = sns.create_topic(Name="faux.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
            line = there.make_queue("faux.fifo", FifoQueue="true")
            subscribe(sns, fifo, "sqs", line, RawMessageDelivery="true")
            for i in range(20):
                sns.publish(TopicArn=fifo, Message="%d" % i, MessageGroupId="g", MessageDeduplicationId="d%d" % i)
            assert [m["Body"] for m in there.drain(line, 20)] == ["%d" % i for i in range(20)]
            # A queue that is not there: refused for good.
            dead_url, dead = make_queue(here.client("sqs"), "faux-dead")
            subscribe(sns, topic, "sqs", there.url + "/000000000000/nowhere", RawMessageDelivery="true",
                      RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
            sns.publish(TopicArn=topic, Message="lost?")
            assert drain(here.client("sqs"), dead_url, 1)[0]["Body"] == "lost?"
            assert "QueueDoesNotExist" in here.log() or "NonExistentQueue" in here.log()


def requests_are_signed_and_a_wrong_secret_waits_for_the_right_one():
    for protocol in ("json", "query"):
        with StandIn(secret=SECRET) as there, secret_file() as right, secret_file("wrong") as wrong:
            settings = {"url": there.url, "access_key": "AKIDEXAMPLE", "protocol": protocol, "region": "eu-central-1", "accounts": [ACCOUNT]}
            with sender(there=dict(settings, secret_key_file=wrong.name)) as here:
                sns = here.client("sns")
                topic = sns.create_topic(Name="signed")["TopicArn"]
                subscribe(sns, topic, "sqs", "arn:aws:sqs:eu-central-1:%s:q" % ACCOUNT, RawMessageDelivery="true", **OFTEN)
                sns.publish(TopicArn=topic, Message=BODY)
                wait_until(lambda: there.refused >= 2, "two refusals")
                assert "SignatureDoesNotMatch" in here.log() and "secret_key_file" in here.log(), here.log()
                assert SECRET not in here.log() and "wrong" not in here.log()
                here.stop()
                assert there.batches == []
                here.arguments = ["--set", "sqs.servers=" + json.dumps({"there": dict(settings, secret_key_file=right.name)})]
                here.start()
                wait_until(lambda: there.bodies(), "the message, once the secret is right", 60)
                assert there.bodies() == [BODY]


def entries_fail_one_by_one():
    tries = {}

    def fault(entry):
        body = entry["MessageBody"]
        tries[body] = tries.get(body, 0) + 1
        if body.endswith("7"):
            return "InvalidMessageContents"
        return "InternalError" if body.endswith("3") and tries[body] == 1 else None

    for protocol in ("json", "query"):
        tries.clear()
        with StandIn(fault=fault) as there, sender(there={"url": there.url, "protocol": protocol}) as here:
            sns, sqs = here.client("sns"), here.client("sqs")
            topic = sns.create_topic(Name="partly")["TopicArn"]
            dead_url, dead = make_queue(sqs, "partly-dead")
            subscribe(sns, topic, "sqs", there.url + "/1/q", RawMessageDelivery="true", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}), **OFTEN)
            for i in range(40):
                sns.publish(TopicArn=topic, Message="m%d" % i)
            wait_until(lambda: len(tries) == 40 and all(tries["m%d" % i] == 2 for i in (3, 13, 23, 33)), "second tries", 40)
            assert sorted(m["Body"] for m in drain(sqs, dead_url, 4)) == ["m17", "m27", "m37", "m7"]
            assert all(count == (2 if body.endswith("3") else 1) for body, count in tries.items()), tries


def a_backlog_goes_in_batches_and_an_answer_that_lies_is_not_believed():
    for protocol in ("json", "query"):
        port = free_port()
        with sender(there={"url": "http://127.0.0.1:%d" % port, "protocol": protocol}) as here:
            sns = here.client("sns")
            topic = sns.create_topic(Name="backlog")["TopicArn"]
            subscribe(sns, topic, "sqs", "http://127.0.0.1:%d/1/q" % port, RawMessageDelivery="true", **OFTEN)
            for i in range(400):
                sns.publish(TopicArn=topic, Message="m%d" % i)
            wait_until(lambda: "no connection" in here.log(), "a failure while the server is down")
            with StandIn(port=port) as there:
                wait_until(lambda: len(set(there.bodies())) == 400, "all messages after the server is up", 120)
                sizes = [len(batch) for batch in there.batches]
                print("%s: %d messages in %d requests, largest %d" % (protocol, sum(sizes), len(sizes), max(sizes)))
                assert max(sizes) <= 10 and max(sizes) >= 5, sizes
                there.wrong_md5 = 1
                sns.publish(TopicArn=topic, Message="garbled")
                wait_until(lambda: there.bodies().count("garbled") == 2, "the one again whose sum was wrong", 60)
                assert "arrived changed" in here.log()


def whole_requests_fail_by_the_table():
    rows = [((400, "RequestThrottled"), "retry"), ((503, "ServiceUnavailable"), "retry"), ((500, "Whatever"), "retry"),
            ((403, "AccessDenied"), "dead"), ((400, "QueueDoesNotExist"), "dead"), ((400, "NonExistentQueue"), "dead"),
            ((418, "Teapot"), "dead"), ((403, "InvalidClientTokenId"), "retry")]
    with StandIn() as there, sender(there={"url": there.url}) as here:
        sns, sqs = here.client("sns"), here.client("sqs")
        topic = sns.create_topic(Name="failing")["TopicArn"]
        dead_url, dead = make_queue(sqs, "failing-dead")
        subscribe(sns, topic, "sqs", there.url + "/1/q", RawMessageDelivery="true", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}), **OFTEN)
        for error, end in rows:
            there.error, there.refused, there.batches = error, 0, []
            sns.publish(TopicArn=topic, Message=error[1])
            if end == "dead":
                assert [m["Body"] for m in drain(sqs, dead_url, 1)] == [error[1]], error
                assert there.refused == 1, (error, there.refused)
            else:
                wait_until(lambda: there.refused >= 2, "another attempt after %s" % (error,), 60)
                there.error = None
                wait_until(lambda: there.bodies() == [error[1]], "delivery after %s" % (error,), 60)


def what_is_not_configured_is_refused_at_subscribe():
    with sender(there={"url": "http://127.0.0.1:9324", "accounts": [ACCOUNT]}, inside={"url": "http://10.1.2.3:9324"}) as here:
        sns = here.client("sns")
        topic = sns.create_topic(Name="refusals")["TopicArn"]
        for endpoint, wanted in (("http://127.0.0.1:9325/1/q", "sqs.servers"), ("http://127.0.0.1:9324/", "a path"), ("http://127.0.0.1:9324/1/q?x", "no query"),
                                 ("https://127.0.0.1:9324/1/q", "sqs.servers"), ("http://10.1.2.3:9324/1/q", "--dev"), ("nonsense", "SQS endpoint ARN")):
            said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
            assert wanted in said, (endpoint, said)


def a_wrong_configuration_is_told():
    rows = [({"a": {}}, "its url is missing"), ({"a": {"url": "ftp://x"}}, "must begin with http"), ({"a": {"url": "http://x/path"}}, "a scheme, a host"),
            ({"a": {"url": "http://x", "access_key": "k"}}, "belong together"), ({"a": {"url": "http://x", "secret_key": "k"}}, 'no setting "secret_key"'),
            ({"a": {"url": "http://x", "protocol": "soap"}}, "json or query"), ({"a": {"url": "http://x", "batch_max": 11}}, "from 1 to 10"),
            ({"a": {"url": "http://x", "accounts": "1"}}, "must be a list")]
    for servers, wanted in rows:
        ran = subprocess.run([FANFARE, "serve", "--listen", "127.0.0.1:0", "--set", "sqs.servers=" + json.dumps(servers)],
                             capture_output=True, text=True, timeout=60)
        assert ran.returncode != 0 and wanted in ran.stderr, (servers, ran)
    with sender(a={"url": "http://127.0.0.1:1", "access_key": "k", "secret_key_file": "/nowhere"}) as here:
        assert "no secret in /nowhere" in here.log(), here.log()


def nothing_is_lost_when_the_daemon_is_killed_while_the_server_comes_and_goes():
    with other("--set", "message_size_max=1048576") as there:
        url = there.client("sqs").create_queue(QueueName="crashes")["QueueUrl"]
        with sender(there={"url": there.url}) as here:
            topic = here.client("sns").create_topic(Name="crashes")["TopicArn"]
            subscribe(here.client("sns"), topic, "sqs", url, RawMessageDelivery="true", **OFTEN)
            there.stop()
            sent = []
            for round in range(4):
                sns = here.client("sns")
                for _ in range(50):
                    sent.append("m%d" % len(sent))
                    sns.publish(TopicArn=topic, Message=sent[-1])
                if round == 2:
                    there.start()
                time.sleep(0.4)
                here.kill()
                here.start()
            got = set()
            end = time.time() + 90
            while got != set(sent) and time.time() < end:
                got.update(m["Body"] for m in drain(there.client("sqs"), url, 50, seconds=2))
            assert got == set(sent), sorted(set(sent) - got)


main([a_second_daemon_gets_both_forms_in_both_protocols, an_own_queue_stays_in_the_house, fifo_queues_keep_order_groups_and_deduplication,
      fauxqs_takes_what_we_send, requests_are_signed_and_a_wrong_secret_waits_for_the_right_one, entries_fail_one_by_one,
      a_backlog_goes_in_batches_and_an_answer_that_lies_is_not_believed, whole_requests_fail_by_the_table,
      what_is_not_configured_is_refused_at_subscribe, a_wrong_configuration_is_told,
      nothing_is_lost_when_the_daemon_is_killed_while_the_server_comes_and_goes])
