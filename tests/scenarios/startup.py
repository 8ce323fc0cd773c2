"""Starting and stopping: what is refused says what to do, what is configured is there."""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

from support import FANFARE, Daemon, Endpoint, drain, free_port, main, make_queue, wait_until


def serve(*arguments, environment=None, seconds=20):
    """Runs a daemon that is expected to refuse; its exit code and what it says."""
    done = subprocess.run([FANFARE, "serve", *arguments], capture_output=True, text=True, timeout=seconds,
                          env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stderr


def refusals_name_the_next_step():
    with Daemon() as daemon, tempfile.TemporaryDirectory() as other:
        code, said = serve("--data", daemon.data, "--listen", "127.0.0.1:0")
        assert code != 0 and "in use" in said and "--data" in said, said
        code, said = serve("--data", other, "--listen", "127.0.0.1:%d" % daemon.port)
        assert code != 0 and str(daemon.port) in said, said
        code, said = serve("--data", other, "--listen", "0.0.0.0:0")
        assert code != 0 and "--allow-unauthenticated" in said, said
        code, said = serve("--data", "/proc/nowhere", "--listen", "127.0.0.1:0")
        assert code != 0 and "--data" in said, said
        code, said = serve("--data", other, "--listen", "nonsense")
        assert code != 0 and "ADDRESS:PORT" in said, said
        code, said = serve("--data", other, "--set", "account=abc")
        assert code != 0 and "12 digits" in said, said
        code, said = serve("--data", other, "--set", "region=a:b")
        assert code != 0 and "region" in said and "a:b" in said, said
        code, said = serve("--colour", "red")
        assert code == 2 and "--colour" in said, said
        assert urllib.request.urlopen(daemon.url + "/_fanfare/health").status == 200


def mistakes_in_the_file_are_all_told_with_their_lines():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("listen: 127.0.0.1:0\ncolour: red\nbody_max: lots\nqueues: [{nam: x}]\ntopics: 7\n")
        file.flush()
        code, said = serve("--config", file.name)
        assert code == 2, (code, said)
        for line in (2, 3, 4, 5):
            assert "%s:%d:" % (file.name, line) in said, said
    code, said = serve("--config", "/nowhere.yaml")
    assert code == 2 and "/nowhere.yaml" in said, said


def settings_come_from_file_environment_and_flags():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("region: eu-central-1\nbody_max: 2MiB\nidle_timeout: 5s\n")
        file.flush()
        run = lambda *arguments, **env: subprocess.run(
            [FANFARE, "config", "--config", file.name, *arguments], capture_output=True, text=True, check=True,
            env=dict(os.environ, **env)).stdout
        said = run(FANFARE_ACCOUNT="123456789012")
        assert 'region: "eu-central-1"' in said and "body_max: 2MiB" in said and "idle_timeout: 5s" in said, said
        assert 'account: "123456789012"' in said
        assert 'region: "xx-east-1"' in run(FANFARE_REGION="xx-east-1")
        assert 'region: "yy-east-1"' in run("--set", "region=yy-east-1", FANFARE_REGION="xx-east-1")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as printed:
            printed.write(said)  # what is printed is a configuration itself
            printed.flush()
            again = subprocess.run([FANFARE, "config", "--config", printed.name], capture_output=True, text=True)
            assert again.returncode == 0 and again.stdout == said, again.stderr


def options_of_transports_are_settings_too():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("http:\n  idle_connections: 7\n  ca_file: /some/where.pem\n")
        file.flush()
        run = lambda *arguments, **env: subprocess.run(
            [FANFARE, "config", "--config", file.name, *arguments], capture_output=True, text=True, check=True,
            env=dict(os.environ, **env)).stdout
        assert "\n  idle_connections: 7\n" in run() and 'ca_file: "/some/where.pem"' in run(), run()
        assert "\n  idle_connections: 8\n" in run(FANFARE_HTTP_IDLE_CONNECTIONS="8")
        assert "\n  idle_connections: 9\n" in run("--set", "http.idle_connections=9", FANFARE_HTTP_IDLE_CONNECTIONS="8")
        file.write("  colour: red\nhtpp: {ca_file: x}\nhttp: {idle_connections: many}\n")
        file.flush()
        code, said = serve("--config", file.name)
        for line, what in ((4, '"colour"'), (5, '"htpp"'), (6, "many")):
            assert code == 2 and any(l.startswith("%s:%d:" % (file.name, line)) and what in l
                                     for l in said.splitlines()), said
    code, said = serve(environment={"FANFARE_HTTP_IDLE_CONNECTIONS": "none"})
    assert code == 2 and "$FANFARE_HTTP_IDLE_CONNECTIONS: http.idle_connections" in said, said


DECLARED = """
queues:
  - {name: orders-eu, visibility_timeout: 7}
  - {name: orders-dead}
topics:
  - name: orders
    display_name: Orders
    subscriptions:
      - {protocol: sqs, endpoint: orders-eu, raw: true, filter: {region: [eu-west-1]}}
      - protocol: http
        endpoint: "%s"
        redrive: orders-dead
        filter: {total: [{numeric: [">", 100]}]}
        filter_scope: body
"""


def declared_resources_are_there_and_stay_the_same():
    with Endpoint(confirms=False) as hook, tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(DECLARED % hook.url)
        file.flush()
        with Daemon("--config", file.name) as daemon:
            sns, sqs = daemon.client("sns"), daemon.client("sqs")
            topic = sns.list_topics()["Topics"][0]["TopicArn"]
            before = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
            assert len(before) == 2 and all(s["SubscriptionArn"].startswith("arn:") for s in before), before
            sns.publish(TopicArn=topic, Message='{"total": 500}',
                        MessageAttributes={"region": {"DataType": "String", "StringValue": "eu-west-1"}})
            wait_until(lambda: len(hook.requests) == 1, "the declared webhook")
            assert not hook.confirmations
            url = sqs.get_queue_url(QueueName="orders-eu")["QueueUrl"]
            assert drain(sqs, url, 1)[0]["Body"] == '{"total": 500}'
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            assert attributes["VisibilityTimeout"] == "7", attributes
            hooked = next(s["SubscriptionArn"] for s in before if s["Protocol"] == "http")
            shown = sns.get_subscription_attributes(SubscriptionArn=hooked)["Attributes"]
            assert json.loads(shown["RedrivePolicy"])["deadLetterTargetArn"].endswith(":orders-dead"), shown
            sns.set_subscription_attributes(SubscriptionArn=hooked, AttributeName="FilterPolicy", AttributeValue='{"total": [1]}')
            daemon.stop()
            daemon.start()
            sns = daemon.client("sns")
            after = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
            key = lambda s: s["SubscriptionArn"]
            assert sorted(map(key, before)) == sorted(map(key, after)), (before, after)
            shown = sns.get_subscription_attributes(SubscriptionArn=hooked)["Attributes"]
            assert json.loads(shown["FilterPolicy"]) == {"total": [{"numeric": [">", 100]}]}, shown
            assert "declared_drift" in daemon.log()


def hang_up(daemon, file, text, what):
    """The file is another one, and the daemon is told; until the log says `what`."""
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
    seen = len(daemon.log())
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: what in daemon.log()[seen:], what)


def a_hangup_declares_what_the_file_says_now():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("queues: [{name: one, delay: 1}]\n")
        file.flush()
        with Daemon("--config", file.name) as daemon:
            sqs, sns = daemon.client("sqs"), daemon.client("sns")
            names = lambda: sorted(url.rsplit("/", 1)[1] for url in sqs.list_queues().get("QueueUrls", []))
            hang_up(daemon, file, "queues: [{name: one, delay: 2}, {name: two}]\n"
                                  "topics: [{name: t, subscriptions: [{protocol: sqs, endpoint: two}]}]\n", " declared resources=4 ")
            assert names() == ["one", "two"], names()
            url = sqs.get_queue_url(QueueName="one")["QueueUrl"]
            assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["DelaySeconds"] == "2"
            topic = sns.list_topics()["Topics"][0]["TopicArn"]
            sns.publish(TopicArn=topic, Message="x")
            assert len(drain(sqs, sqs.get_queue_url(QueueName="two")["QueueUrl"], 1)) == 1
            for bad in ("queues: [{name: three}]\ncolour: red\n", "queues: [{name: three}", "queues: [{name: a}, {name: b, name: c}]\n"):
                hang_up(daemon, file, bad, "reload_refused")
                assert names() == ["one", "two"], names()
            hang_up(daemon, file, "queues: [{name: four}]\n", " declared resources=1 ")
            assert names() == ["four", "one", "two"], "nothing is ever deleted"
            os.unlink(file.name)
            seen = len(daemon.log())
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "reload_refused" in daemon.log()[seen:], "a refusal without a file")
            open(file.name, "w").close()
        with Daemon() as daemon:
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "reload_refused" in daemon.log(), "a refusal without a file")
            assert daemon.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def many_declared_queues_take_few_commits():
    count = 2000
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        # What is refused is refused for itself; what needs its neighbour gets it, in whatever order they stand.
        file.write("queues:\n" + "".join("  - {name: q%d}\n" % i for i in range(count)))
        file.write('  - {name: needy, redrive: {deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:late", maxReceiveCount: 3}}\n')
        file.write("  - {name: late}\n  - {name: wrong, delay: soon}\n")
        file.flush()
        with Daemon("--config", file.name) as daemon:
            page = urllib.request.urlopen(daemon.url + "/metrics").read().decode()
            figure = lambda name: float(re.search(r"^%s (\S+)$" % name, page, re.M).group(1))
            assert figure("fanfare_queues") == count + 2
            assert figure("fanfare_loop_turns_total") < count / 2, "one after the other"
            log = daemon.log()
            assert log.count("declared_refused") == 1 and "line=%d " % (count + 4) in log, log[-2000:]
            assert "declared resources=%d refused=1" % (count + 2) in log, log[-2000:]


def a_stop_while_resources_are_declared_leaves_nothing_behind():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("queues:\n" + "".join("  - {name: q%d}\n" % i for i in range(20000)))
        file.flush()
        for _ in range(3):
            daemon = Daemon("--config", file.name)
            try:
                daemon.process = daemon.spawn()
                wait_until(lambda: "store_open" in daemon.log(), "the store")
                time.sleep(0.1)
                assert daemon.stop() == 0
                assert "LeakSanitizer" not in daemon.log()
            finally:
                daemon.close()


def a_stop_lets_answers_finish():
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        url, _ = make_queue(sqs, "stopping")
        answers = []
        poll = threading.Thread(target=lambda: answers.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)))
        poll.start()
        time.sleep(0.5)
        began = time.time()
        assert daemon.stop() == 0
        poll.join(10)
        assert answers and "Messages" not in answers[0], answers
        assert time.time() - began < 9


def environment_names_the_data_directory():
    with tempfile.TemporaryDirectory() as folder:
        for variable in ("FANFARE_DATA", "STATE_DIRECTORY"):
            path = os.path.join(folder, variable)
            port = free_port()
            process = subprocess.Popen([FANFARE, "serve", "--listen", "127.0.0.1:%d" % port], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True, env=dict(os.environ, **{variable: path}))
            first = process.stdout.readline()
            assert path in first and str(port) in first and "000000000000" in first, first
            assert process.stdout.readline() == "Ready.\n"
            process.terminate()
            assert process.wait(10) == 0


def a_directory_that_others_write_to_is_told_and_links_are_not_followed():
    with Daemon() as daemon, tempfile.NamedTemporaryFile("w") as precious:
        assert "data_directory_open" not in daemon.log() and "signing_key_open" not in daemon.log()
        wait_until(lambda: "signing_made" in daemon.log(), "the first key")
        assert daemon.stop() == 0
        os.chmod(daemon.data, 0o777)
        os.chmod(os.path.join(daemon.data, "signing-key.pem"), 0o644)
        daemon.start()
        assert "data_directory_open" in daemon.log() and "chmod go-w " + daemon.data in daemon.log()
        wait_until(lambda: "signing_key_open" in daemon.log(), "the key's mode")
        assert daemon.stop() == 0
        precious.write("precious")
        precious.flush()
        os.unlink(os.path.join(daemon.data, "LOCK"))
        os.symlink(precious.name, os.path.join(daemon.data, "LOCK"))
        code, said = serve("--data", daemon.data, "--listen", "127.0.0.1:0")
        assert code == 1 and "LOCK is a symbolic link" in said, said
        assert open(precious.name).read() == "precious"


main([refusals_name_the_next_step, mistakes_in_the_file_are_all_told_with_their_lines,
      settings_come_from_file_environment_and_flags, options_of_transports_are_settings_too,
      declared_resources_are_there_and_stay_the_same, a_hangup_declares_what_the_file_says_now,
      many_declared_queues_take_few_commits, a_stop_while_resources_are_declared_leaves_nothing_behind, a_stop_lets_answers_finish, environment_names_the_data_directory,
      a_directory_that_others_write_to_is_told_and_links_are_not_followed])
