"""Deliveries never reach what they may not: spellings of addresses, names that lead inside, answers that change between the
check and the connection.  The daemon listens on all addresses here, so that loopback is as forbidden as any private network;
a name server of ours answers, and listeners at the forbidden places count who comes."""

import contextlib
import json
import socket
import struct
import subprocess
import threading
import time
import urllib.request

from support import FANFARE, Daemon, drain, expect_error, free_port, main, make_queue, wait_until

NO_RETRIES = json.dumps({"healthyRetryPolicy": {"numRetries": 0, "minDelayTarget": 1, "maxDelayTarget": 1}})
RETRIES = json.dumps({"healthyRetryPolicy": {"numRetries": 4, "minDelayTarget": 1, "maxDelayTarget": 1}})
# On loopback too, but allowed by name of its network: it stands for the public address.
ALLOWED = "127.0.0.2"


class Names:
    """A name server: a name's answers one after the other, the last stays; TTL 0."""

    def __init__(self, answers):
        self.answers = {name: list(rows) for name, rows in answers.items()}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(query), client)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += query[at] + 1
        name, kind = ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0]
        self.asked.append((name, kind))
        rows = self.answers.get(name)
        chosen = [] if rows is None else rows[0]
        if rows and kind == 28 and len(rows) > 1:  # the next ask gets the next answer
            rows.pop(0)
        body, count, owner = b"", 0, b"\xc0\x0c"
        for address in chosen:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            if address.startswith("cname="):
                target = b"".join(bytes([len(l)]) + l.encode() for l in address[6:].split(".")) + b"\0"
                body += owner + struct.pack(">HHIH", 5, 1, 0, len(target)) + target
                count, owner = count + 1, target
            elif (family == socket.AF_INET6) == (kind == 28):
                packed = socket.inet_pton(family, address)
                body += owner + struct.pack(">HHIH", kind, 1, 0, len(packed)) + packed
                count += 1
        flags = 0x8180 | (3 if rows is None else 0)
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + query[12:at + 5] + body

    def close(self):
        self.socket.close()


class Trap:
    """Accepts and counts; answers 200 to whoever asks."""

    def __init__(self, address="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.port = self.listener.getsockname()[1]
        self.count = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.count += 1
                with contextlib.suppress(OSError), client:
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self):
        self.listener.close()


@contextlib.contextmanager
def rig(answers, *arguments):
    names, trap = Names(answers), Trap()
    other = Trap(ALLOWED, trap.port)
    with Daemon("--listen", "0.0.0.0:0", "--allow-unauthenticated", "--set", "dns_servers=" + names.address,
                "--set", "egress_allow=" + ",".join((ALLOWED,) + arguments)) as daemon:
        daemon.url = "http://127.0.0.1:%d" % daemon.port
        yield daemon, names, trap, other
    names.close()
    trap.close()
    other.close()


def hook_to(daemon, topic, url, name, policy=NO_RETRIES, **attributes):
    """The subscription, and the queue its refused deliveries end in."""
    sqs = daemon.client("sqs")
    queue = make_queue(sqs, name)
    named = {k.replace("Fanfare_", "Fanfare."): v for k, v in attributes.items()}
    arn = daemon.client("sns").subscribe(
        TopicArn=topic, Protocol=url.split(":")[0], Endpoint=url, ReturnSubscriptionArn=True, Attributes=dict(named, **{
            "Fanfare.Confirmed": "true", "DeliveryPolicy": policy,
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": queue[1]})}))["SubscriptionArn"]
    return arn, queue[0]


def reasons(daemon, message):
    """What `fanfare why` says of every attempt."""
    answer = subprocess.run([FANFARE, "why", message, "--json", "--endpoint", daemon.url], capture_output=True, text=True)
    assert answer.returncode in (0, 1), answer.stderr
    return answer.stdout


def spellings_are_refused_at_subscribe():
    hosts = ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]",
             "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::1%25lo]",
             "①②⑦.⓪.⓪.①", "localhost", "LOCALHOST.", "a.localhost", "localhost.localdomain", "metadata.google.internal",
             "ok@127.0.0.1", "ok\\@127.0.0.1", "127.0.0.1#@ok", "127.0.0.1\\.example.com", "127.0.0.1%00.example.com",
             "%31%32%37.0.0.1", "0.0.0.0", "0", "[::]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254",
             "[fd00:ec2::254]", "[fe80::1]", "[fc00::1]", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1",
             "[ff02::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[fe80::5efe:7f00:1]", "127.0.0.1 ", "127.0.0.1\t", "127.0.0.1\r\nX: y"]
    with rig({}) as (daemon, names, trap, _):
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="spelled")["TopicArn"]
        for host in hosts:
            text = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http",
                                Endpoint="http://%s:%d/" % (host, trap.port))
            assert text.startswith("Invalid parameter: "), (host, text)
        for url in ["http:127.0.0.1", "http:///127.0.0.1", "http://example.com:0/", "http://example.com:65536/", "http://example.com:80abc/",
                    "http://8.8.8.8:22/", "http:\\\\127.0.0.1", "http://[::1", "http://", "HTTP://127.0.0.1/", "file:///etc/passwd",
                    "gopher://127.0.0.1/", "http://" + "a" * 3000]:
            expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint=url)
        assert "egress_allow" in expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http",
                                              Endpoint="http://10.1.2.3/")
        assert trap.count == 0 and not names.asked


def names_that_lead_inside_are_refused_at_delivery():
    answers = {
        "loop.test": [["127.0.0.1"]], "mixed.test": [[ALLOWED, "127.0.0.1"]], "six.test": [[ALLOWED, "::1"]],
        "mapped.test": [["::ffff:127.0.0.1"]], "meta.test": [["169.254.169.254"]], "nat64.test": [["64:ff9b::7f00:1"]],
        "private.test": [["10.1.2.3"]], "alias.test": [["cname=loop.test", "127.0.0.1"]],
    }
    with rig(answers) as (daemon, names, trap, other):
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="named")["TopicArn"]
        queues = {name: hook_to(daemon, topic, "http://%s:%d/" % (name, trap.port), name.replace(".", "-"))[1] for name in answers}
        sent = sns.publish(TopicArn=topic, Message="inside")["MessageId"]
        for name, url in queues.items():
            assert len(drain(sqs, url, 1)) == 1, name
        assert trap.count == 0 and other.count == 0, "of a mixed answer nothing is used"
        story = reasons(daemon, sent)
        assert story.count("egress_allow") >= len(answers), story


def an_answer_that_changes_does_not_help():
    """Public first, private later; allowed, then private again: each connection is to what was allowed just now."""
    answers = {"rebind.test": [[ALLOWED], ["127.0.0.1"], [ALLOWED], ["127.0.0.1"], ["127.0.0.1"]]}
    with rig(answers) as (daemon, names, trap, other):
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="rebound")["TopicArn"]
        _, dead = hook_to(daemon, topic, "http://rebind.test:%d/" % trap.port, "rebound-dead", policy=RETRIES)
        refused = 0
        for i in range(4):
            sns.publish(TopicArn=topic, Message=str(i))
            wait_until(lambda: other.count + refused_now(sqs, dead) > i, "message %d to end" % i)
            time.sleep(1.1)
        assert trap.count == 0, "nothing came to the private address"
        assert other.count >= 1 and refused_now(sqs, dead) >= 1, (other.count, names.asked)


def refused_now(sqs, url):
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(found["ApproximateNumberOfMessages"])


def a_proxy_is_no_way_around():
    answers = {"loop.test": [["127.0.0.1"]], "proxy.test": [["127.0.0.1"]], "fine.test": [[ALLOWED]]}
    with rig(answers) as (daemon, names, trap, other):
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="proxied")["TopicArn"]
        queues = [
            # an allowed proxy, a denied endpoint; a denied proxy by name, an allowed endpoint
            hook_to(daemon, topic, "http://loop.test:%d/" % trap.port, "by-proxy", Fanfare_Proxy="http://%s:%d" % (ALLOWED, other.port))[1],
            hook_to(daemon, topic, "http://fine.test:%d/" % trap.port, "to-proxy", Fanfare_Proxy="socks5://proxy.test:%d" % trap.port)[1],
        ]
        expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="http://fine.test/", Attributes={
            "Fanfare.Proxy": "http://127.0.0.1:%d" % trap.port})
        sent = sns.publish(TopicArn=topic, Message="around")["MessageId"]
        for url in queues:
            assert len(drain(sqs, url, 1)) == 1, url
        assert trap.count == 0 and other.count == 0
        assert reasons(daemon, sent).count("egress_allow") >= 2


def what_is_allowed_is_reached():
    with rig({"fine.test": [[ALLOWED]], "trusted.test": [["127.0.0.1"]]}, "trusted.test") as (daemon, names, trap, other):
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="allowed")["TopicArn"]
        hook_to(daemon, topic, "http://fine.test:%d/" % trap.port, "a")
        hook_to(daemon, topic, "http://trusted.test:%d/" % trap.port, "b")
        sns.publish(TopicArn=topic, Message="in")
        wait_until(lambda: other.count == 1 and trap.count == 1, "both deliveries")


def own_url(daemon, host):
    return "http://%s:%d/?Action=Publish&Message=again" % (host, daemon.port)


def a_webhook_to_this_server_is_none():
    """Whatever is allowed, and by whatever name: refused at Subscribe where the address stands there, else at delivery."""
    with rig({"self.test": [["127.0.0.1"]], "other.test": [[ALLOWED]]}, "127.0.0.0/8", "self.test") as (daemon, names, trap, other):
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="loop")["TopicArn"]
        for host in ("127.0.0.1", "127.1.2.3"):
            said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint=own_url(daemon, host))
            assert "this server itself" in said, said
        queues = [hook_to(daemon, topic, own_url(daemon, host), host.replace(".", "-"))[1] for host in ("self.test", "other.test")]
        sent = sns.publish(TopicArn=topic, Message="once")["MessageId"]
        for url in queues:
            assert len(drain(sqs, url, 1)) == 1, url
        assert reasons(daemon, sent).count("this server itself") >= 2, reasons(daemon, sent)
    with Daemon() as daemon:  # on loopback alone, where loopback is open
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="loop")["TopicArn"]
        expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint=own_url(daemon, "127.0.0.1"))


def behind_a_proxy_loopback_is_closed():
    """Who has a public name and listens on loopback stands behind a proxy: strangers come through it."""
    trap = Trap()
    there = "http://127.0.0.1:%d/" % trap.port
    for arguments, is_open in [((), True), (("--set", "public_url=https://sns.example.com"), False),
                               (("--set", "public_url=http://localhost:4566"), True), (("--set", "egress_loopback=no"), False),
                               (("--set", "public_url=https://sns.example.com", "--set", "egress_loopback=yes"), True)]:
        with Daemon(*arguments) as daemon:
            sns = daemon.client("sns")
            topic = sns.create_topic(Name="inside")["TopicArn"]
            if is_open:
                sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=there)
            else:
                said = expect_error("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="http", Endpoint=there)
                assert "egress_loopback" in said, said
    trap.close()


def passwords_in_endpoints_are_shown_to_nobody():
    trap = Trap()
    with Daemon("--set", "log_level=debug") as daemon:
        sns = daemon.client("sns")
        topic = sns.create_topic(Name="secret")["TopicArn"]
        endpoint = "http://usr:URLPASS@127.0.0.1:%d/p?token=QUERYTOK" % trap.port
        arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True, Attributes={
            "Fanfare.Confirmed": "true"})["SubscriptionArn"]
        again = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True, Attributes={
            "Fanfare.Confirmed": "true"})["SubscriptionArn"]
        assert again == arn, "it is stored as it was given"
        sent = sns.publish(TopicArn=topic, Message="x")["MessageId"]
        wait_until(lambda: trap.count > 0, "the delivery")
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://usr:URLPASS@127.0.0.1:%d/?t=QUERYTOK" % free_port(), Attributes={
            "Fanfare.Confirmed": "true"})
        lost = sns.publish(TopicArn=topic, Message="y")["MessageId"]
        wait_until(lambda: lost in daemon.log(), "a failure in the log")
        metrics = urllib.request.urlopen(daemon.url + "/metrics", timeout=10).read().decode()
        shown = {
            "the log": daemon.log(), "metrics": metrics, "why": reasons(daemon, sent) + reasons(daemon, lost),
            "attributes": str(sns.get_subscription_attributes(SubscriptionArn=arn)), "list": str(sns.list_subscriptions()),
            "list of a topic": str(sns.list_subscriptions_by_topic(TopicArn=topic))}
        for place, text in shown.items():
            assert "URLPASS" not in text, place
        assert "QUERYTOK" not in shown["the log"]
        for place in ("attributes", "list", "list of a topic", "why"):
            assert "usr:****@127.0.0.1" in shown[place], (place, shown[place])
    trap.close()


main([spellings_are_refused_at_subscribe, names_that_lead_inside_are_refused_at_delivery, an_answer_that_changes_does_not_help,
      a_proxy_is_no_way_around, what_is_allowed_is_reached, a_webhook_to_this_server_is_none, behind_a_proxy_loopback_is_closed,
      passwords_in_endpoints_are_shown_to_nobody])
