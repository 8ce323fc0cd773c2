"""Commands as endpoints through the real daemon: what they read and find, their verdicts, functions, kills, bad configurations."""

import json
import os
import subprocess
import tempfile
import time

from support import FANFARE, Daemon, drain, expect_error, main, make_queue, subscribe, wait_until

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


class Hooks:
    """A folder with scripts and the configuration that names them."""

    def __init__(self, **scripts):
        self.folder = tempfile.TemporaryDirectory(prefix="fanfare-exec-")
        self.path = self.folder.name
        os.chmod(self.path, 0o777)
        lines = ["exec:", "  commands:"]
        for name, (script, settings) in scripts.items():
            file = os.path.join(self.path, name + ".sh")
            with open(file, "w") as out:
                out.write("#!/bin/sh\ncd %s\n%s\n" % (self.path, script))
            os.chmod(file, 0o755)
            lines += ["    %s:" % name, "      command: [%s, --flag, 5]" % file]
            lines += ["      " + line for line in settings]
        self.config = os.path.join(self.path, "fanfare.yaml")
        with open(self.config, "w") as out:
            out.write("\n".join(lines) + "\n")

    def daemon(self, *arguments):
        return Daemon("--config", self.config, *arguments)

    def read(self, name):
        try:
            with open(os.path.join(self.path, name)) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()


def a_command_gets_the_message_and_what_is_known_of_it():
    script = 'cat > stdin.part; mv stdin.part stdin; env > environment.part; echo "$@" > arguments; mv environment.part environment'
    with Hooks(show=(script, ["timeout: 5", "environment: {REGION: eu}"])) as hooks, \
            hooks.daemon() as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="shown")["TopicArn"]
        arn = subscribe(sns, topic, "exec", "show", RawMessageDelivery="true")
        said = sns.publish(TopicArn=topic, Message="h\u00e9llo\nworld", Subject="$(touch pwned) `id`", MessageAttributes={
            "order-id": {"DataType": "String", "StringValue": "a'b;c"}, "n": {"DataType": "Number", "StringValue": "7"}})
        wait_until(lambda: hooks.read("environment"), "the command")
        assert hooks.read("stdin") == "h\u00e9llo\nworld", hooks.read("stdin")
        assert hooks.read("arguments") == "--flag 5\n"
        found = dict(line.split("=", 1) for line in hooks.read("environment").splitlines())
        assert found["FANFARE_MESSAGE_ID"] == said["MessageId"] and found["FANFARE_TOPIC_ARN"] == topic, found
        assert found["FANFARE_SUBSCRIPTION_ARN"] == arn and found["FANFARE_ATTEMPT"] == "1", found
        assert found["FANFARE_SUBJECT"] == "$(touch pwned) `id`" and found["FANFARE_ATTRIBUTE_order_id"] == "a'b;c", found
        assert found["REGION"] == "eu" and found["FANFARE_ATTRIBUTE_n"] == "7", found
        assert not [name for name in found if name not in ("PWD", "OLDPWD", "_", "SHLVL", "PATH", "HOME", "LANG", "REGION")
                    and not name.startswith("FANFARE_")], found
        assert not os.path.exists(os.path.join(hooks.path, "pwned"))


def an_exit_code_says_what_is_to_be_done():
    with Hooks(later=("echo $FANFARE_ATTEMPT >> tries; [ $FANFARE_ATTEMPT -ge 3 ] || exit 75", []),
               never=("echo no such pager; exit 4", []),
               stuck=("echo $FANFARE_ATTEMPT >> stuck; [ $FANFARE_ATTEMPT -ge 2 ] || sleep 60", ["timeout: 1"])) as hooks, \
            hooks.daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="codes")["TopicArn"]
        url, dead = make_queue(sqs, "codes-dead")
        for name in ("later", "never", "stuck"):
            subscribe(sns, topic, "exec", name, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        sns.publish(TopicArn=topic, Message="x")
        letters = drain(sqs, url, 1)
        assert json.loads(letters[0]["Body"])["Message"] == "x"
        wait_until(lambda: hooks.read("tries") == "1\n2\n3\n", "the third attempt", 30)
        wait_until(lambda: hooks.read("stuck") == "1\n2\n", "the attempt after the one that was stopped", 30)
        time.sleep(1.5)
        assert hooks.read("tries") == "1\n2\n3\n" and drain(sqs, url, 1, seconds=0.5) == []
        assert "exit 4" in daemon.log() and "not done after 1 s" in daemon.log()


def a_function_is_a_command_and_gets_its_event():
    with Hooks(**{"resize-image": ("cat > event.part; mv event.part event", [])}) as hooks, hooks.daemon() as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="functions")["TopicArn"]
        arn = subscribe(sns, topic, "lambda", ARN + "resize-image:live")
        sns.publish(TopicArn=topic, Message="m", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"},
                                                                    "p": {"DataType": "Binary", "BinaryValue": b"\1\2"}})
        wait_until(lambda: hooks.read("event"), "the event")
        event = json.loads(hooks.read("event"))
        assert list(event) == ["Records"] and len(event["Records"]) == 1
        record = event["Records"][0]
        assert record["EventSource"] == "aws:sns" and record["EventVersion"] == "1.0" and record["EventSubscriptionArn"] == arn
        body = record["Sns"]
        assert body["Message"] == "m" and body["Subject"] is None and body["TopicArn"] == topic and body["Type"] == "Notification"
        assert body["MessageAttributes"] == {"a": {"Type": "String", "Value": "b"}, "p": {"Type": "Binary", "Value": "AQI="}}
        assert "/SimpleNotificationService-" in body["SigningCertUrl"] and "Action=Unsubscribe" in body["UnsubscribeUrl"]
        assert body["Signature"] and body["SignatureVersion"] == "1" and "SigningCertURL" not in body
        expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="lambda", Endpoint=ARN + "other")


def only_what_the_configuration_names_can_be_subscribed():
    with Hooks(one=("exit 0", [])) as hooks, hooks.daemon() as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="named")["TopicArn"]
        for endpoint in ("two", "/bin/sh", "one; reboot", "../one", "one.sh", " one", "ONE"):
            said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="exec", Endpoint=endpoint)
            assert "exec.commands" in said, said


def a_kill_of_the_daemon_loses_nothing_and_leaves_no_command_running():
    script = "echo $$ >> pids; echo start >> log; [ -e go ] || exec sleep 300; cat >> done"
    with Hooks(slow=(script, ["timeout: 600", "concurrency: 2"])) as hooks, hooks.daemon() as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="killed")["TopicArn"]
        subscribe(sns, topic, "exec", "slow", RawMessageDelivery="true")
        for i in range(6):
            sns.publish(TopicArn=topic, Message="m%d\n" % i)
        wait_until(lambda: hooks.read("pids").count("\n") == 2, "two runs at a time")
        time.sleep(0.5)
        pids = [int(pid) for pid in hooks.read("pids").split()]
        assert len(pids) == 2, pids
        daemon.kill()
        for pid in pids:
            wait_until(lambda: not is_running(pid), "the end of %d with its daemon" % pid)
        open(os.path.join(hooks.path, "go"), "w").close()
        daemon.start()
        wait_until(lambda: set(hooks.read("done").split()) == {"m%d" % i for i in range(6)}, "all six", 60)


def is_running(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def a_stop_does_not_wait_for_commands():
    with Hooks(slow=("echo $$ > pid; trap '' TERM; sleep 300; sleep 300", ["timeout: 600"])) as hooks, hooks.daemon() as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="stopped")["TopicArn"]
        subscribe(sns, topic, "exec", "slow")
        sns.publish(TopicArn=topic, Message="x")
        wait_until(lambda: hooks.read("pid").strip(), "the command")
        assert daemon.stop() == 0
        assert not is_running(int(hooks.read("pid")))
        daemon.start()


def another_user_runs_it():
    if os.geteuid() != 0:
        print("(not root: another user cannot be tried)")
        return
    with Hooks(who=("id -un > who.part; id -G >> who.part; mv who.part who", ["user: nobody"])) as hooks, hooks.daemon() as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="users")["TopicArn"]
        subscribe(sns, topic, "exec", "who")
        sns.publish(TopicArn=topic, Message="x")
        wait_until(lambda: hooks.read("who"), "the command")
        groups = subprocess.run(["id", "-G", "nobody"], capture_output=True, text=True, check=True).stdout
        assert hooks.read("who") == "nobody\n" + groups, hooks.read("who")
        assert os.stat(os.path.join(hooks.path, "who")).st_uid != 0


def a_wrong_configuration_is_told_with_its_line():
    rows = [("exec: {commands: {a: {command: [true]}}}", "absolute path"),
            ("exec: {commands: {a: {command: [/bin/true], timeout: never}}}", "timeout must be a number from 1 to 3600"),
            ("exec: {commands: {a: {colour: red}}}", 'no setting "colour"'),
            ("exec: {commands: [a, b]}", "names of commands"),
            ("exec: {comands: {}}", 'no option "comands"'),
            ("http: {ca_file: {a: b}}", "takes one value")]
    for text, wanted in rows:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("listen: 127.0.0.1:0\n" + text + "\n")
            file.flush()
            ran = subprocess.run([FANFARE, "serve", "--config", file.name], capture_output=True, text=True, timeout=60)
            assert ran.returncode != 0 and wanted in ran.stderr and file.name + ":2: " in ran.stderr, (text, ran)


main([a_command_gets_the_message_and_what_is_known_of_it, an_exit_code_says_what_is_to_be_done,
      a_function_is_a_command_and_gets_its_event, only_what_the_configuration_names_can_be_subscribed,
      a_kill_of_the_daemon_loses_nothing_and_leaves_no_command_running, a_stop_does_not_wait_for_commands,
      another_user_runs_it, a_wrong_configuration_is_told_with_its_line])
