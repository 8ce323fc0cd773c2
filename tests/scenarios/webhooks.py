"""Webhooks as people run them: payload formats, Standard Webhooks signatures checked by npm standardwebhooks, headers,
client certificates, CAs, TLS versions, proxies, HTTP/2, time limits, all through the real binary."""

import base64
import contextlib
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request

from support import FANFARE, Daemon, Endpoint, drain, expect_error, main, make_queue, wait_until

JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PATIENT = json.dumps({"healthyRetryPolicy": {"numRetries": 5, "minDelayTarget": 1, "maxDelayTarget": 1}})
NO_RETRIES = json.dumps({"healthyRetryPolicy": {"numRetries": 0, "minDelayTarget": 1, "maxDelayTarget": 1}})


def hook_to(sns, topic, url, **attributes):
    """Subscribes an endpoint that the operator vouches for; `Fanfare_X` stands for Fanfare.X."""
    named = {k.replace("Fanfare_", "Fanfare."): v for k, v in attributes.items()}
    named["Fanfare.Confirmed"] = "true"
    return sns.subscribe(TopicArn=topic, Protocol=url.split(":")[0], Endpoint=url, ReturnSubscriptionArn=True,
                         Attributes=named)["SubscriptionArn"]


def last(hook, count=1):
    wait_until(lambda: len(hook.requests) >= count, "request %d" % count)
    _, headers, body = hook.requests[count - 1]
    return {k.lower(): v for k, v in headers.items()}, body.decode()


def verify(*cases):
    answer = subprocess.run(["node", os.path.join(JS, "webhook.mjs")], input=json.dumps(cases), cwd=JS,
                            capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@contextlib.contextmanager
def with_topic(name, *arguments, **named):
    with Daemon(*arguments, **named) as daemon, Endpoint() as hook:
        sns = daemon.client("sns")
        yield daemon, sns, sns.create_topic(Name=name)["TopicArn"], hook


def formats_reach_the_wire():
    with with_topic("formats") as (daemon, sns, topic, hook):
        hooks = {}
        for name in ("sns", "raw", "cloudevents", "cloudevents-binary", "slack", "discord", "teams", "pagerduty", "lambda"):
            hooks[name] = Endpoint()
            hook_to(sns, topic, hooks[name].url, Fanfare_Format=name, **{"Fanfare.RoutingKey": "R0UTE"})
        sent = sns.publish(TopicArn=topic, Subject="Disk", Message="<98 %> ü", MessageAttributes={
            "severity": {"DataType": "String", "StringValue": "critical"},
            "type": {"DataType": "String", "StringValue": "disk.full"}})["MessageId"]
        got = {name: last(endpoint) for name, endpoint in hooks.items()}
        for name, (headers, _) in got.items():
            assert ("x-amz-sns-message-id" in headers) == (name in ("sns", "raw")), name
        assert json.loads(got["sns"][1])["Message"] == "<98 %> ü"
        assert got["raw"][1] == "<98 %> ü" and got["raw"][0]["x-amz-sns-rawdelivery"] == "true"
        event = json.loads(got["cloudevents"][1])
        assert (event["id"], event["type"], event["data"]) == (sent, "disk.full", "<98 %> ü"), event
        assert got["cloudevents"][0]["content-type"].startswith("application/cloudevents+json")
        headers, body = got["cloudevents-binary"]
        assert (headers["ce-id"], headers["ce-type"], headers["ce-severity"], body) == (sent, "disk.full", "critical", "<98 %> ü")
        assert "&lt;98 %&gt; ü" in json.loads(got["slack"][1])["attachments"][0]["text"]
        assert json.loads(got["discord"][1])["allowed_mentions"] == {"parse": []}
        assert json.loads(got["teams"][1])["attachments"][0]["content"]["type"] == "AdaptiveCard"
        page = json.loads(got["pagerduty"][1])
        assert (page["routing_key"], page["dedup_key"], page["payload"]["severity"]) == ("R0UTE", sent, "critical")
        assert json.loads(got["lambda"][1])["Records"][0]["Sns"]["Message"] == "<98 %> ü"
        for endpoint in hooks.values():
            endpoint.close()


def raw_delivery_keeps_its_meaning_and_a_topic_says_the_content_type():
    with with_topic("raw") as (daemon, sns, topic, hook), Endpoint() as other, Endpoint() as third:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(
            {"http": {"defaultRequestPolicy": {"headerContentType": "application/json"}}}))
        hook_to(sns, topic, hook.url, RawMessageDelivery="true")
        hook_to(sns, topic, other.url, RawMessageDelivery="true", Fanfare_Format="slack")
        hook_to(sns, topic, third.url)
        sns.publish(TopicArn=topic, Message="{}")
        headers, body = last(hook)
        assert body == "{}" and headers["content-type"] == "application/json", headers
        assert json.loads(last(other)[1]) == {"text": "{}"}
        headers, body = last(third)
        assert json.loads(body)["Message"] == "{}" and headers["content-type"] == "application/json", headers


def standard_webhooks_verify_as_at_a_customers():
    with with_topic("signed") as (daemon, sns, topic, hook), Endpoint(answers=[500, 200]) as flaky, Endpoint() as none:
        arn = hook_to(sns, topic, hook.url, Fanfare_Signing="standard", Fanfare_Secret=SECRET, Fanfare_Format="cloudevents")
        hook_to(sns, topic, flaky.url, Fanfare_Signing="both", Fanfare_Secret=SECRET, DeliveryPolicy=PATIENT)
        hook_to(sns, topic, none.url, Fanfare_Signing="none")
        sns.publish(TopicArn=topic, Message="hello")
        headers, body = last(hook)
        assert verify({"secret": SECRET, "headers": headers, "body": body},
                      {"secret": SECRET, "headers": headers, "body": body + " "},
                      {"secret": "whsec_" + "A" * 32, "headers": headers, "body": body}) == [True, False, False]
        first, body = last(flaky)
        second, again = last(flaky, 2)
        assert first["webhook-id"] == second["webhook-id"] and "." not in first["webhook-id"]
        assert int(second["webhook-timestamp"]) >= int(first["webhook-timestamp"]) and body == again
        assert verify({"secret": SECRET, "headers": second, "body": again}) == [True]
        assert json.loads(again)["Signature"], "both: signed as SNS, too"
        headers, body = last(none)
        assert "webhook-id" not in headers and "Signature" not in json.loads(body)
        # The secret is write-only.
        shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert "Fanfare.Secret" not in shown and shown["Fanfare.Signing"] == "standard", shown


def secrets_rotate_without_a_gap():
    with with_topic("rotated") as (daemon, sns, topic, hook):
        arn = hook_to(sns, topic, hook.url, Fanfare_Signing="standard", Fanfare_Secret=SECRET)

        def rotate(grace, kind):
            answer = subprocess.run([FANFARE, "sub", "rotate-secret", arn, "--grace", grace, "--type", kind, "--json",
                                     "--endpoint", daemon.url], capture_output=True, text=True)
            assert answer.returncode == 0, answer.stderr
            return json.loads(answer.stdout)

        fresh = rotate("1h", "hmac")
        sns.publish(TopicArn=topic, Message="one")
        headers, body = last(hook)
        assert verify({"secret": SECRET, "headers": headers, "body": body},
                      {"secret": fresh["secret"], "headers": headers, "body": body}) == [True, True], headers
        newest = rotate("0s", "ed25519")
        sns.publish(TopicArn=topic, Message="two")
        headers, body = last(hook, 2)
        assert headers["webhook-signature"].startswith("v1a,") and " " not in headers["webhook-signature"], headers
        assert verify({"publicKey": newest["public_key"], "headers": headers, "body": body},
                      {"publicKey": newest["public_key"], "headers": headers, "body": body + "x"}) == [True, False]
        # By hand, too: a secret that has ended signs no more.
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="Fanfare.Secret",
                                        AttributeValue="%s %s;until=1000" % (SECRET, fresh["secret"]))
        sns.publish(TopicArn=topic, Message="three")
        headers, body = last(hook, 3)
        assert verify({"secret": SECRET, "headers": headers, "body": body},
                      {"secret": fresh["secret"], "headers": headers, "body": body}) == [True, False]


def settings_are_refused_where_they_are_made():
    with with_topic("refused") as (daemon, sns, topic, hook):
        arn = hook_to(sns, topic, hook.url)
        rows = [
            ("Format", "morse", "sns, raw, cloudevents"), ("Format", "pagerduty", "Fanfare.RoutingKey"),
            ("Signing", "standard", "Fanfare.Secret"), ("Secret", "hello", "whsec_"), ("Secret", "whsec_AAAA", "24 to 64"),
            ("Headers", '{"Host":"x"}', "Host"), ("Headers", '{"content-length":"1"}', "Content-Length"),
            ("Headers", '{"Webhook-Id":"x"}', "webhook-*"), ("Headers", '{"Transfer-Encoding":"chunked"}', "hop-by-hop"),
            ("Headers", '{"A":"b\\r\\nC: d"}', "control character"), ("Headers", '{"A b":"c"}', "name"),
            ("Headers", '{"A":1}', "strings"), ("Headers", "[1]", "JSON object"), ("Headers", "nonsense", "lines"),
            ("Headers", '{"A":"' + "x" * 9000 + '"}', "8192"),
            ("ClientCertificate", "nonsense", "PEM"), ("ClientCertificate", "-----BEGIN X-----\n", "certificate"),
            ("CA", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
            ("TLSMinVersion", "1.1", "1.2 or 1.3"), ("Timeout", "0", "1 to 60"), ("Timeout", "61", "1 to 60"),
            ("Proxy", "ftp://127.0.0.1:1", "socks5://"), ("Proxy", "http://127.0.0.1", "port"),
            ("Proxy", "http://10.0.0.1:3128", "egress_allow"), ("Proxy", "socks5://169.254.169.254:1080", "egress_allow"),
            ("Proxy", "http://127.1:3128", "four decimal"), ("Nonsense", "x", "not an attribute"),
        ]
        for name, value, reason in rows:
            text = expect_error("InvalidParameter", sns.set_subscription_attributes, SubscriptionArn=arn,
                                AttributeName="Fanfare." + name, AttributeValue=value)
            assert "Fanfare." + name in text and reason in text, (name, value, text)


def headers_are_added_and_may_replace():
    with with_topic("headers") as (daemon, sns, topic, hook), Endpoint() as lines:
        hook_to(sns, topic, hook.url, Fanfare_Headers=json.dumps(
            {"Authorization": "Bearer t0ken", "X-Empty": "", "Content-Type": "application/json", "User-Agent": "ours"}))
        hook_to(sns, topic, lines.url, Fanfare_Headers="X-One: 1\r\nX-Two:2\n")
        for i in range(20):  # one handle serves both: nothing of one may reach the other
            sns.publish(TopicArn=topic, Message=str(i))
        wait_until(lambda: len(hook.requests) == len(lines.requests) == 20, "all deliveries")
        for i in range(20):
            headers, _ = last(hook, i + 1)
            assert headers["authorization"] == "Bearer t0ken" and headers["x-empty"] == "", headers
            assert headers["content-type"] == "application/json" and headers["user-agent"] == "ours", headers
            headers, _ = last(lines, i + 1)
            assert headers["x-one"] == "1" and headers["x-two"] == "2" and "authorization" not in headers, headers


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificates(folder):
    """A CA, a server's certificate for localhost and a client's."""
    def path(name):
        return os.path.join(folder, name)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=test CA",
            "-keyout", path("ca.key"), "-out", path("ca.pem"))
    for name, extension in (("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        with open(path("ext"), "w") as file:
            file.write(extension)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", path(name + ".key"), "-out", path("csr"))
        openssl("x509", "-req", "-in", path("csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
                "-days", "30", "-extfile", path("ext"), "-out", path(name + ".pem"))

    def text(*names):
        return "".join(open(path(n)).read() for n in names)
    return path, text


class TlsEndpoint(Endpoint):
    def __init__(self, folder, wants_client=False, newest=None, **named):
        super().__init__(**named)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(os.path.join(folder, "ca.pem"))
        if newest is not None:
            context.maximum_version = newest
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = self.url.replace("http://127.0.0.1", "https://localhost")


def tls_by_subscription():
    with tempfile.TemporaryDirectory() as folder, with_topic("tls") as (daemon, sns, topic, _):
        _, text = certificates(folder)
        sqs = daemon.client("sqs")
        queues = {}
        with TlsEndpoint(folder) as plain, TlsEndpoint(folder, wants_client=True) as mutual, \
                TlsEndpoint(folder, newest=ssl.TLSVersion.TLSv1_2) as old:
            ca, client = text("ca.pem"), text("client.pem", "client.key")
            wishes = {
                "trusted": (plain, {"Fanfare_CA": ca}, None),
                "unknown-ca": (plain, {}, "not trusted"),
                "mutual": (mutual, {"Fanfare_CA": ca, "Fanfare_ClientCertificate": client}, None),
                "no-certificate": (mutual, {"Fanfare_CA": ca}, ""),
                "old": (old, {"Fanfare_CA": ca}, None),
                "too-old": (old, {"Fanfare_CA": ca, "Fanfare_TLSMinVersion": "1.3"}, "TLS"),
            }
            expect_error("InvalidParameter", hook_to, sns, topic, plain.url,
                         Fanfare_ClientCertificate=text("client.pem", "server.key"))
            for name, (endpoint, attributes, failure) in wishes.items():
                queues[name] = make_queue(sqs, name)
                hook_to(sns, topic, endpoint.url + "/" + name, DeliveryPolicy=NO_RETRIES,
                        RedrivePolicy=json.dumps({"deadLetterTargetArn": queues[name][1]}), **attributes)
            sns.publish(TopicArn=topic, Message="secure")
            for name, (endpoint, _, failure) in wishes.items():
                if failure is not None:
                    assert len(drain(sqs, queues[name][0], 1)) == 1, name
            wait_until(lambda: (len(plain.requests), len(mutual.requests), len(old.requests)) == (1, 1, 1),
                       "one request each: %s" % [(len(e.requests)) for e in (plain, mutual, old)])
            for name, (_, _, failure) in wishes.items():
                if failure is None:
                    assert not drain(sqs, queues[name][0], 1, seconds=0.1), name


def http2_where_it_is_offered():
    with tempfile.TemporaryDirectory() as folder, with_topic("h2") as (daemon, sns, topic, _):
        path, text = certificates(folder)
        server = subprocess.Popen(["node", os.path.join(JS, "http2.mjs"), path("server.pem"), path("server.key")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline())
            hook_to(sns, topic, "https://localhost:%d/" % port, Fanfare_CA=text("ca.pem"), Fanfare_Format="raw",
                    Fanfare_Headers='{"X-Own":"yes"}')
            for i in range(3):
                sns.publish(TopicArn=topic, Message="over 2")
                line = json.loads(server.stdout.readline())
                assert line["version"] == "2.0" and line["body"] == "over 2" and line["headers"]["x-own"] == "yes", line
        finally:
            server.stdin.close()
            server.wait()
            server.stdout.close()


class Proxy:
    """CONNECT or SOCKS 5, and what it was asked for."""

    def __init__(self, is_socks=False):
        self.is_socks = is_socks
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError, ValueError, IndexError):
            host, port = self.socks(client) if self.is_socks else self.connect(client)
            self.asked.append((host, port))
            server = socket.create_connection((host, port))
            client.sendall(b"\x05\x00\x00\x01\0\0\0\0\0\0" if self.is_socks else b"HTTP/1.1 200 fine\r\n\r\n")
            threading.Thread(target=self.pipe, args=(server, client), daemon=True).start()
            self.pipe(client, server)

    def socks(self, client):
        methods = client.recv(2)[1]
        client.recv(methods)
        client.sendall(b"\x05\x00")
        head = client.recv(4)
        self.asked_by_name = head[3] == 3
        address = client.recv(4)
        return socket.inet_ntoa(address), int.from_bytes(client.recv(2), "big")

    def connect(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(4096)
        self.head = head.decode()
        host, _, port = self.head.split()[1].rpartition(":")
        return host, int(port)

    @staticmethod
    def pipe(source, target):
        with contextlib.suppress(OSError):
            while True:
                part = source.recv(65536)
                if not part:
                    break
                target.sendall(part)
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()


def proxies_are_told_addresses_never_names():
    with tempfile.TemporaryDirectory() as folder, with_topic("proxy") as (daemon, sns, topic, hook), TlsEndpoint(folder_made(folder)) as secure:
        connect, socks = Proxy(), Proxy(is_socks=True)
        by_name = hook.url.replace("127.0.0.1", "localhost")
        sqs = daemon.client("sqs")
        dead_url, dead = make_queue(sqs, "proxy-dead")
        hook_to(sns, topic, by_name + "/a", Fanfare_Proxy="http://user:pass@127.0.0.1:%d" % connect.port)
        hook_to(sns, topic, by_name + "/b", Fanfare_Proxy="socks5://localhost:%d" % socks.port)
        hook_to(sns, topic, secure.url, Fanfare_Proxy="http://127.0.0.1:%d" % connect.port,
                Fanfare_CA=open(os.path.join(folder, "ca.pem")).read())
        # What is denied without a proxy is denied through one, when it can be told by the address only, too.
        expect_error("InvalidParameter", hook_to, sns, topic, "http://10.0.0.1/", Fanfare_Proxy="http://127.0.0.1:%d" % connect.port)
        sns.publish(TopicArn=topic, Message="through")
        wait_until(lambda: len(hook.requests) == 2 and len(secure.requests) == 1, "three deliveries")
        assert {host for host, _ in connect.asked + socks.asked} <= {"127.0.0.1", "::1"}, (connect.asked, socks.asked)
        assert len(connect.asked) >= 2 and len(socks.asked) == 1 and not socks.asked_by_name
        assert {k.lower(): v for k, v in hook.requests[0][1].items()}["host"].startswith("localhost:"), "the name is the Host"
        assert all("proxy-authorization" not in str(h).lower() for _, h, _ in hook.requests), "the password is the proxy's alone"
        connect.close()
        socks.close()


def folder_made(folder):
    certificates(folder)
    return folder


def a_timeout_of_ones_own():
    with Daemon() as daemon, Endpoint(delay=4) as slow:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="slow")["TopicArn"]
        url, dead = make_queue(sqs, "slow-dead")
        hook_to(sns, topic, slow.url, Fanfare_Timeout="1", DeliveryPolicy=NO_RETRIES,
                RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        hook_to(sns, topic, slow.url + "/patient")
        began = time.time()
        sns.publish(TopicArn=topic, Message="slow")
        assert len(drain(sqs, url, 1)) == 1
        assert time.time() - began > 0.9
        time.sleep(4)
        assert not drain(sqs, url, 1, seconds=0.1)


def slack_says_more_than_its_status():
    class Chatty(Endpoint):
        def __init__(self, status, text):
            super().__init__(answers=[status])
            handler = self.server.RequestHandlerClass
            plain = handler.do_POST

            def do_POST(request):
                request.wfile = Replacing(request.wfile, text)
                plain(request)
            handler.do_POST = do_POST

    class Replacing:
        def __init__(self, file, text):
            self.file, self.text = file, text

        def write(self, data):
            data = data.replace(b"Content-Length: 2", b"Content-Length: %d" % len(self.text))
            return self.file.write(self.text if data == b"ok" else data)

        def __getattr__(self, name):
            return getattr(self.file, name)

    with Daemon() as daemon, Chatty(200, b"invalid_token") as lying, Chatty(404, b"no_service") as removed, Endpoint() as fine:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="slack")["TopicArn"]
        queues = [make_queue(sqs, "slack-%d" % i) for i in range(3)]
        arns = [hook_to(sns, topic, endpoint.url, Fanfare_Format="slack", RedrivePolicy=json.dumps({"deadLetterTargetArn": queue[1]}))
                for endpoint, queue in zip((lying, removed, fine), queues)]
        sns.publish(TopicArn=topic, Message="x")
        assert len(drain(sqs, queues[0][0], 1)) == 1 and len(drain(sqs, queues[1][0], 1)) == 1
        wait_until(lambda: len(fine.requests) == 1, "the good one")
        wait_until(lambda: "Fanfare.Disabled" in sns.get_subscription_attributes(SubscriptionArn=arns[1])["Attributes"], "it is disabled")
        assert "Fanfare.Disabled" not in sns.get_subscription_attributes(SubscriptionArn=arns[0])["Attributes"]


def the_configuration_takes_the_same_attributes():
    with tempfile.TemporaryDirectory() as folder, Endpoint() as hook:
        config = os.path.join(folder, "fanfare.yaml")
        with open(config, "w") as file:
            file.write("""
topics:
  - name: declared
    subscriptions:
      - protocol: http
        endpoint: %s
        Fanfare.Format: slack
        Fanfare.Signing: standard
        Fanfare.Secret: %s
        Fanfare.Headers: |
          X-Own: yes
""" % (hook.url, SECRET))
        with Daemon("--config", config) as daemon:
            sns = daemon.client("sns")
            wait_until(lambda: sns.list_subscriptions()["Subscriptions"], "the declared subscription")
            sns.publish(TopicArn=sns.list_topics()["Topics"][0]["TopicArn"], Message="x")
            headers, body = last(hook)
            assert json.loads(body) == {"text": "x"} and headers["x-own"] == "yes"
            assert verify({"secret": SECRET, "headers": headers, "body": body}) == [True]


def a_kill_loses_no_signed_delivery():
    with with_topic("killed") as (daemon, sns, topic, hook), Endpoint(answers=[503, 503, 200]) as flaky:
        hook_to(sns, topic, flaky.url, Fanfare_Signing="standard", Fanfare_Secret=SECRET, Fanfare_Format="cloudevents-binary",
                DeliveryPolicy=PATIENT)
        sns.publish(TopicArn=topic, Message='["still owed"]')
        first, _ = last(flaky)
        daemon.kill()
        daemon.start()
        headers, body = last(flaky, 3)
        assert body == '["still owed"]' and headers["webhook-id"] == first["webhook-id"]
        assert verify({"secret": SECRET, "headers": headers, "body": body}) == [True]


def health_tells_of_a_key_that_cannot_be_used():
    with tempfile.TemporaryDirectory() as data:
        with open(os.path.join(data, "signing-key.pem"), "w") as file:
            file.write("nonsense")
        with Daemon(data=data) as daemon:
            def health():
                return json.load(urllib.request.urlopen(daemon.url + "/_fanfare/health"))
            wait_until(lambda: health()["signing"] == "failed", "the failure to show")
            assert health()["status"] == "degraded", health()
            with urllib.request.urlopen(daemon.url + "/metrics") as answer:
                assert b"\nfanfare_signing_failed 1\n" in answer.read()
            assert "signing_failed" in daemon.log()


main([formats_reach_the_wire, raw_delivery_keeps_its_meaning_and_a_topic_says_the_content_type,
      standard_webhooks_verify_as_at_a_customers, secrets_rotate_without_a_gap, settings_are_refused_where_they_are_made,
      headers_are_added_and_may_replace, tls_by_subscription, http2_where_it_is_offered,
      proxies_are_told_addresses_never_names, a_timeout_of_ones_own, slack_says_more_than_its_status,
      the_configuration_takes_the_same_attributes, a_kill_loses_no_signed_delivery, health_tells_of_a_key_that_cannot_be_used])
