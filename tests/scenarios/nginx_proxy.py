"""Behind Debian's nginx, with the very configuration that config/nginx.conf gives: TLS, HTTP/2, long polls, confirmations by the
public URL, large bodies; and nobody is the operator for coming through it."""

import contextlib
import os
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import boto3
import botocore.config

from sdks_tls import certificates
from support import Daemon, Endpoint, Skipped, drain, expect_error, free_port, main, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))


def configuration(folder, port, daemon_port, key, cert):
    """The page's server, on ports of ours, in an nginx that leaves the machine's alone."""
    with open(os.path.join(HERE, "..", "..", "config", "nginx.conf")) as file:
        page = file.read()
    for what, instead in [("127.0.0.1:4566", "127.0.0.1:%d" % daemon_port), ("listen 443 ssl", "listen 127.0.0.1:%d ssl" % port),
                          ("server_name sns.example.com", "server_name localhost"), ("/etc/ssl/sns.example.com.pem", cert),
                          ("/etc/ssl/sns.example.com.key", key)]:
        assert what in page, "config/nginx.conf has changed: %s" % what
        page = page.replace(what, instead)
    paths = "".join("%s_temp_path %s;\n" % (kind, folder) for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    whole = "daemon off; worker_processes 1; pid %s/pid; error_log %s/log;\nevents {}\nhttp {\naccess_log off;\n%s%s}\n" % (
        folder, folder, paths, page)
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as file:
        file.write(whole)
    return path


@contextlib.contextmanager
def behind(*arguments):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        raise Skipped("there is no nginx")
    with tempfile.TemporaryDirectory() as folder:
        ca, key, cert = certificates(folder)
        port = free_port()
        with Daemon("--set", "public_url=https://localhost:%d" % port, *arguments) as daemon:
            path = configuration(folder, port, daemon.port, key, cert)
            nginx = subprocess.Popen([program, "-c", path], stderr=subprocess.DEVNULL)
            try:
                url = "https://localhost:%d" % port
                wait_until(lambda: ask(url + "/_fanfare/health", ca)[0] == 200, "nginx")
                yield daemon, url, ca
            finally:
                nginx.terminate()
                nginx.wait(timeout=20)


def ask(url, ca, **headers):
    request = urllib.request.Request(url, headers={n.replace("_", "-"): v for n, v in headers.items()})
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def client(service, url, ca):
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="secret",
                        verify=ca, config=botocore.config.Config(retries={"max_attempts": 0}, read_timeout=25))


def clients_work_through_it():
    with behind("--set", "egress_loopback=yes") as (daemon, url, ca), Endpoint(confirms=False) as hook:
        sns, sqs = client("sns", url, ca), client("sqs", url, ca)
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        assert queue.startswith(url + "/"), queue
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        large = "x" * (1000 * 1024)
        sqs.send_message(QueueUrl=queue, MessageBody=large)
        assert drain(sqs, queue, 1)[0]["Body"] == large
        began = time.time()
        assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=3)
        assert time.time() - began > 2, "a long poll waits through it"
        sns.publish(TopicArn=topic, Message="hello")
        assert drain(sqs, queue, 1)[0]["Body"] == "hello"
        # Confirmed by the link that the endpoint is sent, through the proxy.
        waiting = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url, ReturnSubscriptionArn=True)["SubscriptionArn"]
        wait_until(lambda: hook.confirmations, "a confirmation")
        link = hook.confirmations[0][1]["SubscribeURL"]
        assert link.startswith(url + "/?"), link
        assert ask(link, ca)[0] == 200
        found = sns.get_subscription_attributes(SubscriptionArn=waiting)["Attributes"]
        assert found["PendingConfirmation"] == "false", found


def it_is_no_way_to_be_the_operator():
    with behind("--set", "public_url=https://sns.example.com") as (daemon, url, ca):
        with open(os.path.join(daemon.data, "admin-secret")) as file:
            secret = file.read().strip()
        for path in ("/metrics", "/_fanfare/dlq", "/_fanfare/replay", "/_fanfare/messages/x"):
            assert ask(url + path, ca)[0] == 403, path
            assert ask(url + path, ca, X_Fanfare_Admin=secret)[0] == 403, path
        sns = client("sns", url, ca)
        topic = sns.create_topic(Name="t")["TopicArn"]
        expect_error("AuthorizationError", sns.subscribe, TopicArn=topic, Protocol="https", Endpoint="https://hooks.example.com/",
                     Attributes={"Fanfare.Confirmed": "true"})
        said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:9200/")
        assert "egress_loopback" in said, said


def it_speaks_http2_outside():
    if shutil.which("curl") is None:
        raise Skipped("there is no curl")
    with behind() as (daemon, url, ca):
        done = subprocess.run(["curl", "-sS", "--http2", "--cacert", ca, "-o", os.devnull, "-w", "%{http_version} %{http_code}",
                               url + "/_fanfare/health"], capture_output=True, text=True, timeout=30)
        assert done.stdout == "2 200", (done.stdout, done.stderr)


main([clients_work_through_it, it_is_no_way_to_be_the_operator, it_speaks_http2_outside])
