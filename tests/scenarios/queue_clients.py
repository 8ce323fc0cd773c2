"""Queues through what people use: @aws-sdk/client-sqs, awscli, and npm sqs-consumer while the daemon is killed and restarted."""

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

import botocore.exceptions

from support import Daemon, main, make_queue, wait_until

JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")
SEED = int(os.environ.get("SEED", time.time()))
STANDARD, FIFO, GROUPS = 3000, 1200, 8


def the_javascript_sdk_drives_all_operations():
    with Daemon() as daemon:
        done = subprocess.run(["node", "queue_ops.mjs", daemon.url], cwd=JS, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and done.stdout == "ok\n", done.stdout + done.stderr


SHELL = r"""
set -eu
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_PAGER=
aws() { echo "$2" >>asked; /usr/bin/aws --endpoint-url "$URL" --output text "$@"; }
is() { [ "$1" = "$2" ] || { echo "got $1, not $2" >&2; exit 1; }; }
dead=$(aws sqs create-queue --queue-name dead)
arn=$(aws sqs get-queue-attributes --queue-url "$dead" --attribute-names QueueArn --query Attributes.QueueArn)
cat >attributes <<END
{"VisibilityTimeout": "60", "RedrivePolicy": "{\"deadLetterTargetArn\":\"$arn\",\"maxReceiveCount\":\"5\"}"}
END
queue=$(aws sqs create-queue --queue-name cli --attributes file://attributes --tags team=blue)
is "$(aws sqs get-queue-url --queue-name cli)" "$queue"
is "$(aws sqs list-queues --queue-name-prefix c --query QueueUrls)" "$queue"
is "$(aws sqs list-dead-letter-source-queues --queue-url "$dead" --query queueUrls)" "$queue"
aws sqs set-queue-attributes --queue-url "$queue" --attributes DelaySeconds=0,ReceiveMessageWaitTimeSeconds=2
aws sqs tag-queue --queue-url "$queue" --tags cost=7
aws sqs untag-queue --queue-url "$queue" --tag-keys team
is "$(aws sqs list-queue-tags --queue-url "$queue" --query Tags.cost)" 7
aws sqs add-permission --queue-url "$queue" --label l --aws-account-ids 111122223333 --actions SendMessage
aws sqs remove-permission --queue-url "$queue" --label l
md5=$(aws sqs send-message --queue-url "$queue" --message-body hello --message-attributes '{"n":{"DataType":"Number","StringValue":"7"}}' --query MD5OfMessageBody)
is "$md5" 5d41402abc4b2a76b9719d911017c592
aws sqs send-message-batch --queue-url "$queue" --entries Id=a,MessageBody=x Id=b,MessageBody=y >/dev/null
handles=$(aws sqs receive-message --queue-url "$queue" --max-number-of-messages 10 --attribute-names All --message-attribute-names All --query 'Messages[].ReceiptHandle')
set -- $handles
is $# 3
aws sqs change-message-visibility --queue-url "$queue" --receipt-handle "$1" --visibility-timeout 10
aws sqs change-message-visibility-batch --queue-url "$queue" --entries "Id=a,ReceiptHandle=$2,VisibilityTimeout=10" >/dev/null
aws sqs delete-message --queue-url "$queue" --receipt-handle "$1"
is "$(aws sqs delete-message-batch --queue-url "$queue" --entries "Id=a,ReceiptHandle=$2" "Id=b,ReceiptHandle=$3" --query 'length(Successful)')" 2
is "$(aws sqs get-queue-attributes --queue-url "$queue" --attribute-names ApproximateNumberOfMessagesNotVisible --query Attributes.*)" 0
aws sqs purge-queue --queue-url "$queue"
if aws sqs purge-queue --queue-url "$queue" 2>error; then exit 1; fi
grep -q PurgeQueueInProgress error
aws sqs delete-queue --queue-url "$queue"
if aws sqs receive-message --queue-url "$queue" 2>error; then exit 1; fi
grep -q AWS.SimpleQueueService.NonExistentQueue error
sort -u asked | tr '\n' ' '
"""


def awscli_drives_every_operation_it_knows():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    with Daemon() as daemon, tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["bash", "-c", SHELL], cwd=folder, capture_output=True, text=True, timeout=300,
                              env=dict(environment, URL=daemon.url, HOME=folder))
        assert done.returncode == 0, done.stdout + done.stderr
        asked = set(done.stdout.split())
        botocore_names = daemon.client("sqs").meta.method_to_api_mapping
        missing = {name.replace("_", "-") for name in botocore_names} - asked
        assert not missing, "not driven: %s" % sorted(missing)


# --- npm sqs-consumer.

class Sender(threading.Thread):
    """Sends bodies one by one until each is answered; FIFO's are deduplicated by what they say."""

    def __init__(self, daemon, url, bodies, accepted, is_fifo):
        super().__init__(daemon=True)
        self.client, self.url, self.bodies, self.accepted, self.is_fifo = daemon.client("sqs"), url, bodies, accepted, is_fifo
        self.start()

    def run(self):
        for body in self.bodies:
            more = {"MessageGroupId": body.split(":")[0], "MessageDeduplicationId": body.replace(":", "-")} if self.is_fifo else {}
            while True:
                try:
                    self.client.send_message(QueueUrl=self.url, MessageBody=body, **more)
                    self.accepted.add(body)
                    break
                except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                    time.sleep(0.05)


class Consumer:
    """consumer.mjs, and what it says."""

    def __init__(self, daemon, url, kind):
        self.process = subprocess.Popen(["node", "consumer.mjs", daemon.url, url, kind], cwd=JS, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.bodies, self.deleted, self.back, self.done, self.unsure = {}, set(), [], [], set()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            word, number, *body = line.split()
            if word == "took":
                self.bodies[number] = body[0]
                if number in self.deleted:
                    self.back.append(body[0])
            elif word == "deleted":
                self.deleted.add(number)
                self.done.append(self.bodies[number])
            elif word == "unsure":  # the answer died with the daemon: it was deleted, or it comes again
                self.unsure.add(self.bodies[number])

    def handled(self):
        return set(self.done) | self.unsure

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(30)
        said = self.process.stderr.read()
        assert code == 0, said
        return said.strip()


def sqs_consumer_loses_nothing_while_the_daemon_is_killed():
    chance = random.Random(SEED)
    print("seed %d" % SEED, flush=True)
    with Daemon() as daemon:
        sqs = daemon.client("sqs")
        plain, _ = make_queue(sqs, "work")
        fifo, _ = make_queue(sqs, "work.fifo", FifoQueue="true")
        bodies = ["s:%d" % i for i in range(STANDARD)]
        ordered = ["g%d:%d" % (i % GROUPS, i) for i in range(FIFO)]
        accepted = set()
        senders = [Sender(daemon, plain, bodies[i::3], accepted, False) for i in range(3)]
        senders += [Sender(daemon, fifo, [b for b in ordered if b.startswith("g%d:" % g)], accepted, True) for g in range(GROUPS)]
        one, batch = Consumer(daemon, plain, "one"), Consumer(daemon, fifo, "batch")
        for round_number in range(6):
            time.sleep(chance.uniform(0.5, 2.5))
            if round_number == 3:
                assert daemon.stop() == 0
            else:
                daemon.kill()
            time.sleep(chance.uniform(0, 0.5))
            daemon.start()
        for sender in senders:
            sender.join(180)
        assert len(accepted) == STANDARD + FIFO, len(accepted)
        wait_until(lambda: set(bodies) <= one.handled() and set(ordered) <= batch.handled(), "everything to be handled", 300, 0.5)

        def is_empty(url):
            left = daemon.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            return all(left["ApproximateNumberOfMessages" + kind] == "0" for kind in ("", "NotVisible", "Delayed"))

        wait_until(lambda: is_empty(plain) and is_empty(fifo), "the queues to be empty", 120, 0.5)
        print(one.stop(), "|", batch.stop(), "|", len(one.done), len(batch.done), "| unsure", len(one.unsure), len(batch.unsure), flush=True)
        assert not one.back and not batch.back, "deleted and came back: %s" % (one.back + batch.back)[:5]
        for group in range(GROUPS):
            order = list(dict.fromkeys(int(b.split(":")[1]) for b in batch.done if b.startswith("g%d:" % group)))
            assert order == sorted(order), "group %d: %s" % (group, order)


main([
    the_javascript_sdk_drives_all_operations,
    awscli_drives_every_operation_it_knows,
    sqs_consumer_loses_nothing_while_the_daemon_is_killed,
])
