"""What the scenarios stand on: the real daemon on a free port and an endpoint that misbehaves to order."""

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import boto3
import botocore.config

FANFARE = os.environ.get("FANFARE", "build/release/fanfare")


def wait_until(claim, what, seconds=20, every=0.02):
    end = time.time() + seconds
    while True:
        value = claim()
        if value:
            return value
        if time.time() > end:
            raise AssertionError("gave up waiting: " + what)
        time.sleep(every)


class Daemon:
    """fanfare serve on a data directory of its own; port 0 unless told."""

    def __init__(self, *arguments, data=None, environment=None):
        self.is_data_ours = data is None
        self.data = data or tempfile.mkdtemp(prefix="fanfare-test-")
        self.arguments = list(arguments)
        self.environment = dict(os.environ, **(environment or {}))
        for name in [n for n in self.environment if n.startswith("AWS_")]:
            del self.environment[name]
        self.process = None
        self.prepare = None  # runs in the child before the program does
        self.port = 0
        self.logged = tempfile.TemporaryFile()  # of all its lives

    def spawn(self):
        """A process that starts; nobody waits for it to be ready."""
        listen = [] if "--listen" in self.arguments else ["--listen", "127.0.0.1:%d" % self.port]
        return subprocess.Popen([FANFARE, "serve", "--data", self.data, *listen, *self.arguments], stdout=subprocess.PIPE,
                                stderr=self.logged, text=True, env=self.environment, preexec_fn=self.prepare)

    def start(self, seconds=30):
        self.process = self.spawn()
        lines = []
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if lines[-1] == "Ready.":
                break
        timer.cancel()
        if not lines or lines[-1] != "Ready.":
            self.process.wait()
            raise AssertionError("the daemon did not become ready: %s\n%s" % (lines, self.log()))
        found = re.search(r"http://[^ ]*:(\d+)", " ".join(lines))
        self.port = int(found.group(1))
        self.url = "http://127.0.0.1:%d" % self.port
        return self

    def log(self):
        """All that was logged so far.  Read by position: a seek would move the place where the daemon writes, for they share it."""
        number = self.logged.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self, seconds=20):
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=seconds)
        self.process.stdout.close()
        return code

    def close(self):
        try:
            code = self.stop()
            log = self.log()
            assert "Sanitizer" not in log and "runtime error" not in log, log
            assert code in (0, -9, None), "exit code %s\n%s" % (code, log)
        finally:
            self.logged.close()
            if self.is_data_ours:
                shutil.rmtree(self.data, ignore_errors=True)

    def client(self, service, account="test", region="us-east-1", retries=0):
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, aws_access_key_id=account,
            aws_secret_access_key="secret",
            config=botocore.config.Config(retries={"max_attempts": retries}, read_timeout=25))

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write("--- the daemon's log\n%s\n" % self.log()[-20000:])
        self.close()


class Endpoint:
    """A webhook receiver.  `answers` is a list of status codes used up one by one (the last stays);
    `confirms` runs the handshake by a plain GET of SubscribeURL, as endpoints do."""

    def __init__(self, answers=(200,), confirms=True, delay=0, headers=None):
        self.answers = list(answers)
        self.confirms = confirms
        self.delay = delay
        self.headers = headers or {}
        self.requests = []  # (time, headers, body)
        self.confirmations = []
        self.lock = threading.Lock()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = endpoint.take(dict(self.headers), body)
                if endpoint.delay:
                    time.sleep(endpoint.delay)
                self.send_response(status)
                for name, value in endpoint.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers, body):
        kind = {k.lower(): v for k, v in headers.items()}.get("x-amz-sns-message-type")
        if kind == "SubscriptionConfirmation":
            with self.lock:
                self.confirmations.append((headers, json.loads(body)))
            if self.confirms:
                import urllib.request
                with urllib.request.urlopen(json.loads(body)["SubscribeURL"]) as answer:
                    assert answer.status == 200
            return 200
        with self.lock:
            self.requests.append((time.time(), headers, body))
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def bodies(self):
        with self.lock:
            return [body for _, _, body in self.requests]

    def messages(self):
        return [json.loads(body)["Message"] for body in self.bodies()]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def subscribe(sns, topic, protocol, endpoint, **attributes):
    """Subscribes and, for http, waits until the handshake is done.  The subscription's ARN."""
    arn = sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint,
                        ReturnSubscriptionArn=True, Attributes=attributes)["SubscriptionArn"]

    def is_confirmed():
        found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return found["PendingConfirmation"] == "false"

    wait_until(is_confirmed, "confirmation of " + endpoint)
    return arn


def make_queue(sqs, name, **attributes):
    """URL and ARN."""
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def drain(sqs, url, count, seconds=20, delete=True):
    """Receives until `count` messages came (or time is up); deletes them."""
    got = []
    end = time.time() + seconds
    while len(got) < count and time.time() < end:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                                     MessageAttributeNames=["All"], AttributeNames=["All"])
        for message in answer.get("Messages", []):
            got.append(message)
            if delete:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return got


CONFIRMATION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
SIGNED = {"Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
          "SubscriptionConfirmation": CONFIRMATION, "UnsubscribeConfirmation": CONFIRMATION}


def verify_signature(envelope):
    """By the openssl command line, with the certificate that the envelope names."""
    import base64
    import urllib.request
    text = "".join("%s\n%s\n" % (name, envelope[name]) for name in SIGNED[envelope["Type"]] if name in envelope)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("cert", "key", "text", "signature")}
        certificate = urllib.request.urlopen(envelope["SigningCertURL"]).read()
        open(paths["cert"], "wb").write(certificate)
        open(paths["text"], "w", newline="").write(text)
        open(paths["signature"], "wb").write(base64.b64decode(envelope["Signature"]))
        key = subprocess.run(["openssl", "x509", "-in", paths["cert"], "-pubkey", "-noout"], check=True, capture_output=True).stdout
        open(paths["key"], "wb").write(key)
        digest = {"1": "-sha1", "2": "-sha256"}[envelope["SignatureVersion"]]
        done = subprocess.run(["openssl", "dgst", digest, "-verify", paths["key"], "-signature", paths["signature"], paths["text"]], capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout, done.stderr, envelope)


def sqs_json(daemon, operation, **body):
    """One SQS operation over JSON 1.0, for those that Debian's boto3 does not know yet."""
    import urllib.request
    request = urllib.request.Request(daemon.url, data=json.dumps(body).encode(), headers={
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + operation,
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"{}")


def resident_mib(process):
    """Anonymous resident memory: mapped files are the kernel's to take back."""
    with open("/proc/%d/status" % process.pid) as status:
        found = re.search(r"RssAnon:\s+(\d+) kB", status.read())
    return int(found.group(1)) / 1024


def cpu_seconds(process):
    with open("/proc/%d/stat" % process.pid) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def expect_error(code, call, *arguments, **named):
    import botocore.exceptions
    try:
        call(*arguments, **named)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response["Error"]["Message"]
    raise AssertionError("no error, expected " + code)


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SKIPPED = 77  # the exit code by which ctest counts a test as skipped


class Skipped(Exception):
    """What a scenario needs is not to be had on this machine."""


def main(scenarios):
    """Runs the functions in order; the exit code says whether all passed, or that one was skipped."""
    failed = skipped = 0
    only = sys.argv[1:]
    for scenario in scenarios:
        if only and scenario.__name__ not in only:
            continue
        began = time.time()
        try:
            scenario()
            print("ok      %s (%.1f s)" % (scenario.__name__, time.time() - began), flush=True)
        except Skipped as reason:
            skipped += 1
            print("skipped %s: %s" % (scenario.__name__, reason), flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print("FAILED  %s" % scenario.__name__, flush=True)
    sys.exit(1 if failed else SKIPPED if skipped else 0)
