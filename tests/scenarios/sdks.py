"""The JavaScript SDK, Debian's awscli, npm sns-validator over https: each as its users run it."""

import json
import os
import subprocess
import tempfile

from sdks_tls import certificates
from support import Daemon, Endpoint, drain, free_port, main, make_queue, subscribe, wait_until

JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")


def node(*arguments, environment=None, given=None):
    done = subprocess.run(["node", *arguments], cwd=JS, capture_output=True, text=True, input=given, timeout=120,
                          env=dict(os.environ, **(environment or {})))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def the_javascript_sdk_works():
    with Daemon() as daemon:
        assert "ok" in node("sdk.mjs", daemon.url)


def sns_validator_accepts_our_signatures_over_https():
    with tempfile.TemporaryDirectory() as folder:
        ca, key, cert = certificates(folder)
        port = free_port()
        with Daemon("--set", "public_url=https://localhost:%d" % port) as daemon:
            proxy = subprocess.Popen(["node", "proxy.mjs", str(port), key, cert, str(daemon.port)], cwd=JS, stdout=subprocess.PIPE, text=True)
            try:
                assert proxy.stdout.readline() == "listening\n"
                sns, sqs = daemon.client("sns"), daemon.client("sqs")
                lines = []
                for version in ("1", "2"):
                    topic = sns.create_topic(Name="v" + version, Attributes={"SignatureVersion": version})["TopicArn"]
                    url, arn = make_queue(sqs, "v" + version)
                    assert url.startswith("https://localhost:%d/" % port), url
                    local = daemon.url + "/000000000000/v" + version
                    subscribe(sns, topic, "sqs", arn)
                    sns.publish(TopicArn=topic, Message="håndtryk\n\"x\"", Subject="subject")
                    sns.publish(TopicArn=topic, Message="without a subject")
                    lines += [m["Body"] for m in drain(sqs, local, 2)]
                with Endpoint(confirms=False) as hook:
                    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
                    wait_until(lambda: hook.confirmations, "a confirmation")
                    confirmation = hook.confirmations[0][1]
                    assert confirmation["SubscribeURL"].startswith("https://localhost:%d/?" % port), confirmation
                    lines.append(json.dumps(confirmation))
                said = node("validate.mjs", environment={"NODE_EXTRA_CA_CERTS": ca},
                            given="".join(json.dumps(json.loads(line)) + "\n" for line in lines))
                assert said.count("valid") == len(lines) == 5, said
            finally:
                proxy.kill()
                proxy.wait()


SHELL = r"""
set -eu
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_PAGER=
aws() { /usr/bin/aws --endpoint-url "$URL" --output text "$@"; }
topic=$(aws sns create-topic --name cli --query TopicArn)
queue=$(aws sqs create-queue --queue-name cli --query QueueUrl)
arn=$(aws sqs get-queue-attributes --queue-url "$queue" --attribute-names QueueArn --query Attributes.QueueArn)
sub=$(aws sns subscribe --topic-arn "$topic" --protocol sqs --notification-endpoint "$arn" \
  --attributes '{"RawMessageDelivery":"true","FilterPolicy":"{\"level\":[{\"anything-but\":\"debug\"}]}"}' --query SubscriptionArn)
aws sns publish --topic-arn "$topic" --message "wake up" --message-attributes '{"level":{"DataType":"String","StringValue":"alert"}}' >/dev/null
aws sns publish --topic-arn "$topic" --message "never mind" --message-attributes '{"level":{"DataType":"String","StringValue":"debug"}}' >/dev/null
aws sns list-subscriptions-by-topic --topic-arn "$topic" --query 'Subscriptions[].SubscriptionArn' | grep -qF "$sub"
body=$(aws sqs receive-message --queue-url "$queue" --wait-time-seconds 5 --query 'Messages[0].Body')
[ "$body" = "wake up" ]
handle=$(aws sqs send-message --queue-url "$queue" --message-body direct >/dev/null; aws sqs receive-message --queue-url "$queue" --wait-time-seconds 5 --query 'Messages[0].ReceiptHandle')
aws sqs change-message-visibility --queue-url "$queue" --receipt-handle "$handle" --visibility-timeout 0
aws sqs delete-message --queue-url "$queue" --receipt-handle "$handle"
if aws sqs get-queue-url --queue-name missing 2>error; then exit 1; fi
grep -q NonExistentQueue error
rm error
aws sts get-caller-identity --query Account | grep -qx 000000000000
aws sns unsubscribe --subscription-arn "$sub"
aws sns delete-topic --topic-arn "$topic"
aws sqs delete-queue --queue-url "$queue"
echo ok
"""


def awscli_works_from_a_shell_script():
    with Daemon() as daemon, tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        done = subprocess.run(["bash", "-c", SHELL], cwd=folder, capture_output=True, text=True, timeout=180,
                              env=dict(environment, URL=daemon.url, HOME=folder))
        assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stdout + done.stderr


main([the_javascript_sdk_works, sns_validator_accepts_our_signatures_over_https, awscli_works_from_a_shell_script])
