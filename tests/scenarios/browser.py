"""A real browser, and web pages that want to use it: a page of another origin tries all that pages can send, and a page whose name
begins to mean this server (DNS rebinding) tries to read it.  Neither changes nor learns anything.  Needs Debian's chromium-driver."""

import contextlib
import http.server
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

from support import Daemon, SKIPPED, Endpoint, free_port, main, make_queue, wait_until

EVIL = "evil.example"
REBOUND = "rebound.example"
PATIENCE_S = 60


class Names:
    """The browser's resolver: a SOCKS proxy on loopback that knows these names, and loopback."""

    def __init__(self):
        self.ports = {}  # host: where it leads, whatever the port that was asked for
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with contextlib.suppress(OSError, IndexError), peer:
            peer.recv(2 + peer.recv(2)[1])
            peer.sendall(b"\x05\x00")
            kind = peer.recv(4)[3]
            host = peer.recv(peer.recv(1)[0]).decode() if kind == 3 else socket.inet_ntoa(peer.recv(4))
            port = int.from_bytes(peer.recv(2), "big")
            port = self.ports.get(host, port if host in ("127.0.0.1", "localhost") else 0)
            if port == 0:
                peer.sendall(b"\x05\x04\x00\x01" + bytes(6))
                return
            with socket.create_connection(("127.0.0.1", port)) as other:
                peer.sendall(b"\x05\x00\x00\x01" + bytes(6))
                back = threading.Thread(target=self.pump, args=(other, peer), daemon=True)
                back.start()
                self.pump(peer, other)
                back.join(PATIENCE_S)

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while True:
                piece = source.recv(65536)
                if not piece:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(piece)

    def close(self):
        self.listener.close()


class Browser:
    """Chromium without a window, by the WebDriver protocol."""

    def __init__(self, names):
        self.folder = tempfile.mkdtemp(prefix="fanfare-browser-")
        self.port = free_port()
        self.driver = subprocess.Popen(["chromedriver", "--port=%d" % self.port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.session = ""
        wait_until(self.is_ready, "chromedriver", PATIENCE_S, 0.1)
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + self.folder,
                            "--proxy-server=socks5://127.0.0.1:%d" % names.port, "--proxy-bypass-list=<-loopback>",
                            # Chromium's own protection of private networks is not what is tried here.
                            "--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessSendPreflights,BlockInsecurePrivateNetworkRequests"]}
        made = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "timeouts": {"script": 1000 * PATIENCE_S}}}})
        self.session = "/session/" + made["sessionId"]

    def is_ready(self):
        with contextlib.suppress(OSError):
            return self.ask("GET", "/status")["ready"]
        return False

    def ask(self, method, path, body=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, self.session + path), method=method,
                                         data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=2 * PATIENCE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def go(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """Of a script that calls done(result)."""
        return self.ask("POST", "/execute/async", {"script": "const done = arguments[arguments.length - 1];" + script, "args": list(arguments)})

    def text(self):
        return self.ask("POST", "/execute/sync", {"script": "return document.documentElement.innerText", "args": []})

    def close(self):
        with contextlib.suppress(OSError, AssertionError):
            self.ask("DELETE", "")
        self.driver.terminate()
        self.driver.wait(PATIENCE_S)
        shutil.rmtree(self.folder, ignore_errors=True)


class Attacker:
    """A web site with one empty page; its scripts come from the test."""

    def __init__(self, port=0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>come in</title><body>")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# Every way in which a page can send something elsewhere without being asked; each with a query of its own.
WAYS = """
const [base, queries] = arguments, wait = ms => new Promise(go => setTimeout(go, ms));
const element = (tag, more) => document.body.appendChild(Object.assign(document.createElement(tag), more));
const frame = name => element('iframe', {name: name});
const submit = (query, encoding, method, name) => {
  frame(name);
  const form = element('form', {action: base, method: method, enctype: encoding, target: name});
  for (const [key, value] of new URLSearchParams(query)) {
    const input = document.createElement('input');
    Object.assign(input, {name: key, value: value});
    form.appendChild(input);
  }
  form.submit();
};
const json = query => {
  const {Action, Version, ...rest} = Object.fromEntries(new URLSearchParams(query));
  return JSON.stringify(rest);
};
const ways = {
  image: query => element('img', {src: base + '?' + query}),
  script: query => element('script', {src: base + '?' + query}),
  style: query => element('link', {rel: 'stylesheet', href: base + '?' + query}),
  frame: query => element('iframe', {src: base + '?' + query}),
  form_get: query => submit(query, '', 'GET', 'a'),
  form: query => submit(query, 'application/x-www-form-urlencoded', 'POST', 'b'),
  multipart: query => submit(query, 'multipart/form-data', 'POST', 'c'),
  plain: query => submit(query, 'text/plain', 'POST', 'd'),
  fetch_form: query => fetch(base, {method: 'POST', mode: 'no-cors', body: new URLSearchParams(query)}),
  fetch_text: query => fetch(base, {method: 'POST', mode: 'no-cors', body: query}),
  fetch_query: query => fetch(base + '?' + query, {method: 'POST', mode: 'no-cors'}),
  fetch_cors: query => fetch(base + '?' + query, {credentials: 'include'}),
  fetch_json: query => fetch(base, {method: 'POST', body: json(query), headers: {
    'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.CreateQueue'}}),
  fetch_put: query => fetch(base + '?' + query, {method: 'PUT'}),
  fetch_delete: query => fetch(base + '?' + query, {method: 'DELETE'}),
  beacon: query => navigator.sendBeacon(base, new URLSearchParams(query)),
  no_referrer: query => fetch(base + '?' + query, {mode: 'no-cors', referrerPolicy: 'no-referrer'}),
  event_source: query => new EventSource(base + '?' + query),
  socket: query => new WebSocket(base.replace('http', 'ws') + '?' + query),
  popup: query => window.open(base + '?' + query),
};
(async () => {
  const names = Object.keys(ways);
  for (const name of names) {
    for (const query of queries) {
      try { await Promise.race([ways[name](query.replaceAll('WAY', name)), wait(2000)]); } catch (error) { /* as it should be */ }
    }
  }
  await wait(1500);
  done(names);
})();
"""

READS = """
const [paths] = arguments;
(async () => {
  const answers = [];
  for (const [path, options] of paths) {
    try {
      const answer = await fetch(path, options);
      answers.push([path, answer.status, await answer.text()]);
    } catch (error) { answers.push([path, 0, String(error)]); }
  }
  done(answers);
})();
"""


def arn(name):
    return "arn:aws:sns:us-east-1:000000000000:" + name


def query(action, version="2010-03-31", **parameters):
    return urllib.parse.urlencode(dict({"Action": action, "Version": version}, **parameters))


@contextlib.contextmanager
def stage(*settings, port=0):
    """A daemon with something to lose, a browser and an attacker's site at EVIL."""
    daemon = Daemon(*settings)
    daemon.port = port
    with daemon, contextlib.closing(Names()) as names, contextlib.closing(Attacker()) as attacker:
        daemon.sns, daemon.sqs = daemon.client("sns"), daemon.client("sqs")
        daemon.sns.create_topic(Name="orders")
        daemon.queue, queue_arn = make_queue(daemon.sqs, "inbox")
        daemon.sns.subscribe(TopicArn=arn("orders"), Protocol="sqs", Endpoint=queue_arn)
        daemon.sns.publish(TopicArn=arn("orders"), Message="CARD 4111")
        names.ports[EVIL] = attacker.port
        with contextlib.closing(Browser(names)) as browser:
            yield daemon, names, browser


def state(daemon):
    attributes = daemon.sqs.get_queue_attributes(QueueUrl=daemon.queue, AttributeNames=["All"])["Attributes"]
    return {"topics": [topic["TopicArn"] for topic in daemon.sns.list_topics()["Topics"]],
            "subscriptions": sorted(found["Endpoint"] for found in daemon.sns.list_subscriptions()["Subscriptions"]),
            "queues": daemon.sqs.list_queues().get("QueueUrls", []), "waiting": attributes["ApproximateNumberOfMessages"]}


def a_page_of_another_origin_gets_nothing():
    with stage() as (daemon, _, browser), Endpoint() as thief:
        wait_until(lambda: state(daemon)["waiting"] == "1", "the message to be in the queue")
        before = state(daemon)
        theft = {"TopicArn": arn("orders"), "Protocol": "http", "Endpoint": thief.url + "?WAY", "Attributes.entry.1.key": "Fanfare.Confirmed",
                 "Attributes.entry.1.value": "true"}
        queries = [query("CreateTopic", Name="made-by-WAY"), query("Subscribe", **theft), query("CreateQueue", "2012-11-05", QueueName="made-by-WAY"),
                   query("Publish", TopicArn=arn("orders"), Message="by WAY"), query("PurgeQueue", "2012-11-05", QueueUrl=daemon.queue),
                   query("DeleteTopic", TopicArn=arn("orders"))]
        browser.go("http://%s/" % EVIL)
        ways = browser.run(WAYS, daemon.url + "/", queries)
        assert len(ways) == 20, ways
        after = state(daemon)
        assert after == before, after
        daemon.sns.publish(TopicArn=arn("orders"), Message="CARD 4112")
        wait_until(lambda: state(daemon)["waiting"] == "2", "the second message")
        assert thief.requests == [] and thief.confirmations == [], thief.requests
        # These are calls that work when a program makes them.
        for text in queries[:4]:
            with urllib.request.urlopen(daemon.url + "/", data=text.encode()) as answer:
                assert answer.status == 200
        wait_until(lambda: any(b"by WAY" in body for body in thief.bodies()), "the subscription that a program made")


def a_page_that_the_operator_names_may_call():
    """And sees the answer; another page still gets nothing, and neither is the operator for it."""
    with stage("--set", "cors_allowed_origins=http://%s" % EVIL) as (daemon, names, browser):
        names.ports["other.example"] = names.ports[EVIL]
        call = [daemon.url + "/", {"method": "POST", "headers": {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"},
                                   "body": "{}"}]
        page = [daemon.url + "/_fanfare/dlq", {}]
        browser.go("http://%s/" % EVIL)
        answers = browser.run(READS, [call, page])
        assert answers[0][1] == 200 and "inbox" in answers[0][2], answers
        assert answers[1][1] == 0, "pages are shared with nobody: %s" % answers
        browser.go("http://other.example/")
        assert browser.run(READS, [call])[0][1] == 0


def secrets(daemon):
    form = {"method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    call = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"}
    return [["/?" + query("ListTopics"), {}], ["/", dict(form, body=query("ListTopics"))], ["/", dict(form, body=query("CreateTopic", Name="rebound"))],
            ["/", {"method": "POST", "headers": call, "body": json.dumps({"QueueUrl": daemon.queue})}], ["/metrics", {}], ["/_fanfare/health", {}],
            ["/_fanfare/dlq", {}], ["/_fanfare/replay", {}], ["/_fanfare/subscriptions", {}]]


def rebound(*settings):
    """What a page learns whose name has begun to mean the daemon; and the daemon's topics then."""
    with stage(*settings) as (daemon, names, browser):
        wait_until(lambda: state(daemon)["waiting"] == "1", "the message to be in the queue")
        names.ports[REBOUND] = names.ports[EVIL]
        browser.go("http://%s:%d/" % (REBOUND, daemon.port))
        names.ports[REBOUND] = daemon.port
        answers = browser.run(READS, secrets(daemon))
        return answers, state(daemon)["topics"]


def a_page_whose_name_is_rebound_learns_nothing():
    answers, topics = rebound()
    for path, status, text in answers:
        assert status == 421 and "orders" not in text and "CARD" not in text, (path, status, text)
    assert topics == [arn("orders")], topics


def without_the_check_of_names_it_would_learn_all():
    """That the trial above can fail: the operator says that the server goes by that name."""
    answers, topics = rebound("--set", "allowed_hosts=" + REBOUND)
    told = [(path, status) for path, status, text in answers if status == 200 and ("orders" in text or "CARD" in text)]
    assert len(told) >= 3 and arn("rebound") in topics, (answers, topics)


def people_come_from_anywhere_to_confirm():
    with stage() as (daemon, _, browser), Endpoint(confirms=False) as endpoint:
        pending = daemon.sns.subscribe(TopicArn=arn("orders"), Protocol="http", Endpoint=endpoint.url, ReturnSubscriptionArn=True)["SubscriptionArn"]
        wait_until(lambda: endpoint.confirmations, "the request to confirm")
        token = endpoint.confirmations[0][1]["Token"]
        browser.go("http://%s/" % EVIL)  # a mail program in the browser, say
        link = "%s/_fanfare/confirm?%s" % (daemon.url, urllib.parse.urlencode({"TopicArn": arn("orders"), "Token": token}))
        with contextlib.suppress(AssertionError):  # the page goes away under the script
            browser.run("const link = Object.assign(document.createElement('a'), {href: arguments[0]}); document.body.append(link); link.click();", link)
        wait_until(lambda: "orders" in browser.text(), "the page that asks: " + browser.text())
        is_pending = lambda: daemon.sns.get_subscription_attributes(SubscriptionArn=pending)["Attributes"]["PendingConfirmation"] == "true"
        assert is_pending(), "asking is not confirming"
        with contextlib.suppress(AssertionError):
            browser.run("document.forms[0].submit();")
        wait_until(lambda: not is_pending(), "the confirmation: " + browser.text())


if not (shutil.which("chromedriver") and shutil.which("chromium")):
    print("skipped: there is no chromium with its driver here")
    sys.exit(SKIPPED)
main([a_page_of_another_origin_gets_nothing, a_page_that_the_operator_names_may_call, a_page_whose_name_is_rebound_learns_nothing, without_the_check_of_names_it_would_learn_all,
      people_come_from_anywhere_to_confirm])
