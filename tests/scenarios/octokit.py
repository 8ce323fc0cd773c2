"""The payloads of npm @octokit/webhooks-examples to one topic with 24 filtered subscriptions; every receiver gets
exactly what an independent check (plain Python below each policy) says."""

import collections
import json
import os

from support import Daemon, Endpoint, drain, main, make_queue, subscribe, wait_until

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "js/node_modules/@octokit/webhooks-examples/api.github.com/index.json")


def dig(body, *path):
    for name in path:
        if not isinstance(body, dict) or name not in body:
            return None
        body = body[name]
    return body


def is_text(value, test):
    return isinstance(value, str) and test(value)


# scope, policy, what it must mean: (event name, body) -> bool
B, A = "MessageBody", "MessageAttributes"
WANTED = [
    (A, {"event": ["push"]}, lambda e, b: e == "push"),
    (A, {"event": ["issues", "pull_request"]}, lambda e, b: e in ("issues", "pull_request")),
    (A, {"event": [{"prefix": "pull_request"}]}, lambda e, b: e.startswith("pull_request")),
    (A, {"event": [{"anything-but": ["issues", "push"]}]}, lambda e, b: e not in ("issues", "push")),
    (A, {"event": [{"anything-but": {"prefix": "re"}}]}, lambda e, b: not e.startswith("re")),
    (A, {"size": [{"numeric": [">", 15000]}]}, lambda e, b: len(json.dumps(b)) > 15000),
    (A, {"size": [{"numeric": [">=", 8000, "<", 12000]}]}, lambda e, b: 8000 <= len(json.dumps(b)) < 12000),
    (A, {"action": [{"exists": True}]}, lambda e, b: "action" in b),
    (A, {"action": [{"exists": False}]}, lambda e, b: "action" not in b),
    (A, {"event": ["issues"], "action": ["opened", "closed"]}, lambda e, b: e == "issues" and b.get("action") in ("opened", "closed")),
    (A, {"missing": ["x"]}, lambda e, b: False),
    (B, {"action": ["created"]}, lambda e, b: b.get("action") == "created"),
    (B, {"action": ["created", "deleted"], "sender": {"login": ["Codertocat"]}},
     lambda e, b: b.get("action") in ("created", "deleted") and dig(b, "sender", "login") == "Codertocat"),
    (B, {"sender": {"type": [{"anything-but": "User"}]}}, lambda e, b: isinstance(dig(b, "sender", "type"), str) and dig(b, "sender", "type") != "User"),
    (B, {"repository": {"private": [False]}}, lambda e, b: dig(b, "repository", "private") is False),
    (B, {"repository": {"private": [True]}}, lambda e, b: dig(b, "repository", "private") is True),
    (B, {"repository": {"full_name": [{"prefix": "Codertocat/"}]}}, lambda e, b: is_text(dig(b, "repository", "full_name"), lambda v: v.startswith("Codertocat/"))),
    (B, {"ref": [{"prefix": "refs/heads/"}]}, lambda e, b: is_text(b.get("ref"), lambda v: v.startswith("refs/heads/"))),
    (B, {"issue": {"number": [{"numeric": ["<", 2]}]}}, lambda e, b: isinstance(dig(b, "issue", "number"), int) and dig(b, "issue", "number") < 2),
    (B, {"repository": {"id": [186853002]}}, lambda e, b: dig(b, "repository", "id") == 186853002),
    (B, {"issue": {"number": [{"exists": True}]}}, lambda e, b: isinstance(dig(b, "issue", "number"), int)),
    (B, {"organization": {"login": [{"exists": False}]}}, lambda e, b: dig(b, "organization", "login") is None),
    (B, {"pull_request": {"merged": [True, False]}}, lambda e, b: isinstance(dig(b, "pull_request", "merged"), bool)),
    (None, None, lambda e, b: True),
]


def everybody_gets_exactly_what_the_policies_say():
    events = [(group["name"], body) for group in json.load(open(EXAMPLES)) for body in group["examples"]]
    assert len(events) > 300
    with Daemon() as daemon:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="github")["TopicArn"]
        hooks, queues = {}, {}
        for i, (scope, policy, _) in enumerate(WANTED):
            attributes = {"RawMessageDelivery": "true"}
            if scope:
                attributes.update(FilterPolicy=json.dumps(policy), FilterPolicyScope=scope)
            if i % 2 == 0:
                hooks[i] = Endpoint()
                subscribe(sns, topic, "http", hooks[i].url, **attributes)
            else:
                queues[i], arn = make_queue(sqs, "github-%d" % i)
                subscribe(sns, topic, "sqs", arn, **attributes)
        expected = [[] for _ in WANTED]
        for event, body in events:
            text = json.dumps(body)
            attributes = {"event": {"DataType": "String", "StringValue": event}, "size": {"DataType": "Number", "StringValue": str(len(text))}}
            if "action" in body:
                attributes["action"] = {"DataType": "String", "StringValue": body["action"]}
            sns.publish(TopicArn=topic, Message=text, MessageAttributes=attributes)
            for i, (_, _, test) in enumerate(WANTED):
                if test(event, body):
                    expected[i].append(text)
        count = collections.Counter
        for i in hooks:
            wait_until(lambda: len(hooks[i].requests) >= len(expected[i]), "webhook %d: %s" % (i, WANTED[i][1]), 60)
        for i, url in queues.items():
            got = [m["Body"] for m in drain(sqs, url, len(expected[i]))] + [m["Body"] for m in drain(sqs, url, 1, seconds=0.2)]
            assert count(got) == count(expected[i]), "queue %d %s: %d, expected %d" % (i, WANTED[i][1], len(got), len(expected[i]))
        for i, hook in hooks.items():
            got = [body.decode() for body in hook.bodies()]
            assert count(got) == count(expected[i]), "webhook %d %s: %d, expected %d" % (i, WANTED[i][1], len(got), len(expected[i]))
            hook.close()
        nonempty = sum(1 for e in expected if e)
        assert nonempty >= 20, nonempty
        print("%d events, %d subscriptions, %d deliveries" % (len(events), len(WANTED), sum(map(len, expected))))


main([everybody_gets_exactly_what_the_policies_say])
