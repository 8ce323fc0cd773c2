"""What only the operator may do: by place without being asked, from elsewhere with the secret of the data directory."""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from support import FANFARE, Daemon, expect_error, main, make_queue

FORWARDED = {"X-Forwarded-For": "203.0.113.9"}
PAGES = [("GET", "/_fanfare/dlq?queue=dead"), ("GET", "/_fanfare/dlq/messages?queue=dead"), ("GET", "/_fanfare/dlq/redrive?queue=dead"),
         ("POST", "/_fanfare/dlq/redrive?queue=dead"), ("POST", "/_fanfare/dlq/drop?queue=dead&all=true"),
         ("GET", "/_fanfare/replay"), ("POST", "/_fanfare/replay?subscription=x"), ("POST", "/_fanfare/replay/cancel?replay=x"),
         ("POST", "/_fanfare/subscriptions/rotate-secret?subscription=x"), ("GET", "/_fanfare/messages/x")]


def ask(url, method="GET", **headers):
    request = urllib.request.Request(url, method=method, headers={n.replace("_", "-"): v for n, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def secret_of(daemon):
    with open(os.path.join(daemon.data, "admin-secret")) as file:
        return file.read().strip()


def client_with(daemon, service, headers):
    """boto3, whose requests carry these headers, too."""
    client = daemon.client(service)
    client.meta.events.register("before-send", lambda request, **_: request.headers.update(headers))
    return client


def pages_of_the_operator_are_refused_to_strangers():
    with Daemon() as daemon:
        secret = secret_of(daemon)
        for method, path in PAGES:
            status, said = ask(daemon.url + path, method, **FORWARDED)
            assert status == 403 and "admin-secret" in json.loads(said)["error"], (path, status, said)
            status, said = ask(daemon.url + path, method, **FORWARDED, X_Fanfare_Admin=secret[:-1] + "x")
            assert status == 403, (path, status, said)
            assert ask(daemon.url + path, method, **FORWARDED, X_Fanfare_Admin=secret)[0] != 403, path
            assert ask(daemon.url + path, method)[0] != 403, path
            assert ask(daemon.url + path, method, User_Agent="Mozilla/5.0")[0] == 403, path
        for path in ("/_fanfare/health", "/metrics"):
            assert ask(daemon.url + path, **FORWARDED)[0] == 200, path
        assert secret not in daemon.log()


def commands_and_confirmed_endpoints_are_the_operators_to_give():
    hook = {"Protocol": "http", "Endpoint": "http://127.0.0.1:9/", "Attributes": {"Fanfare.Confirmed": "true"}}
    command = {"Protocol": "exec", "Endpoint": "nothing"}
    with Daemon() as daemon:
        local = daemon.client("sns")
        stranger = client_with(daemon, "sns", FORWARDED)
        admin = client_with(daemon, "sns", dict(FORWARDED, **{"X-Fanfare-Admin": secret_of(daemon)}))
        topic = stranger.create_topic(Name="t")["TopicArn"]
        _, queue = make_queue(daemon.client("sqs"), "q")
        for wish in (hook, command, {"Protocol": "lambda", "Endpoint": "arn:aws:lambda:us-east-1:000000000000:function:f"}):
            said = expect_error("AuthorizationError", stranger.subscribe, TopicArn=topic, **wish)
            assert "admin-secret" in said, said
        for allowed in (local, admin):
            assert ":t:" in allowed.subscribe(TopicArn=topic, ReturnSubscriptionArn=True, **hook)["SubscriptionArn"]
            said = expect_error("InvalidParameter", allowed.subscribe, TopicArn=topic, **command)
            assert "admin" not in said, "nothing is called so: %s" % said
        # What asks nobody to believe anything is everybody's.
        stranger.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"Fanfare.Confirmed": "true"})
        stranger.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:9/other", Attributes={"Fanfare.Confirmed": "false"})


def cli(daemon, *arguments, **environment):
    done = subprocess.run([FANFARE, *arguments, "--endpoint", daemon.url], capture_output=True, text=True,
                          env=dict(os.environ, **environment), timeout=60)
    return done.returncode, done.stdout + done.stderr


def behind_a_proxy_nobody_is_believed_for_being_local():
    with Daemon("--set", "public_url=https://sns.example.com") as daemon:
        make_queue(daemon.client("sqs"), "dead")
        code, said = cli(daemon, "dlq", "list")
        assert code == 1 and "FANFARE_ADMIN_SECRET" in said, (code, said)
        code, said = cli(daemon, "dlq", "list", FANFARE_ADMIN_SECRET=secret_of(daemon))
        assert code == 0, (code, said)
        code, said = cli(daemon, "dlq", "list", FANFARE_ADMIN_SECRET=secret_of(daemon), http_proxy="http://127.0.0.1:9", all_proxy="http://127.0.0.1:9")
        assert code == 0, "no proxy of the environment stands between: %s" % said
        code, said = cli(daemon, "dlq", "list", FANFARE_ADMIN_SECRET="wrong\r\nX-Evil: 1")
        assert code == 2 and "FANFARE_ADMIN_SECRET" in said, (code, said)


def from_another_address_of_the_machine():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: which address would be ours?
            address = probe.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        print("this machine has no other address: left out")
        return
    with Daemon("--listen", "0.0.0.0:0", "--allow-unauthenticated") as daemon:
        url = "http://%s:%d/_fanfare/replay" % (address, daemon.port)
        assert ask(url)[0] == 403
        assert ask(url, X_Fanfare_Admin=secret_of(daemon))[0] == 200
        assert ask("http://127.0.0.1:%d/_fanfare/replay" % daemon.port)[0] == 200


def the_file_is_the_owners_and_stays():
    with Daemon() as daemon:
        path = os.path.join(daemon.data, "admin-secret")
        before = secret_of(daemon)
        assert os.stat(path).st_mode & 0o777 == 0o600 and len(before) == 64
        assert "admin_secret_made" in daemon.log()
        daemon.kill()
        daemon.start()
        assert secret_of(daemon) == before
        daemon.stop()
        for content, mode, words in [(before, 0o644, "chmod 600"), ("short", 0o600, "characters at least"),
                                     ("a" * 20 + "\x07", 0o600, "visible ASCII"), ("", 0o600, "characters at least")]:
            with open(path, "w") as file:
                file.write(content)
            os.chmod(path, mode)
            process = daemon.spawn()
            assert process.wait(timeout=30) == 1 and words in daemon.log(), (content, daemon.log())
            process.stdout.close()
        os.remove(path)
        daemon.start()
        assert secret_of(daemon) != before, "without the file a new one is made"


main([pages_of_the_operator_are_refused_to_strangers, commands_and_confirmed_endpoints_are_the_operators_to_give,
      behind_a_proxy_nobody_is_believed_for_being_local, from_another_address_of_the_machine, the_file_is_the_owners_and_stays])
