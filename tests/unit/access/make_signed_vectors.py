#!/usr/bin/python3
"""Requests as botocore signs them, for test_signature.c: make_signed_vectors.py >signed_vectors.h"""
import datetime
import json

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET = "AKIAFANFARETEST00001", "fanfare/Test+Secret/For0Vectors0000000000"
NOW = datetime.datetime(2026, 6, 15, 12, 0, 0)
TOKEN = "FwoGZXIvYXdzEFo//token+with/odd=characters=="


class Frozen(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW

    @classmethod
    def now(cls, tz=None):
        return NOW.replace(tzinfo=tz)


def freeze():
    botocore.auth.datetime = type("m", (), {"datetime": Frozen, "timezone": datetime.timezone})
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW


FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
# name, service, method, target, headers, body, token, seconds of a signed URL or None
CASES = [
    ("query protocol", "sns", "POST", "/", FORM, b"Action=ListTopics&Version=2010-03-31", None, None),
    ("json protocol", "sqs", "POST", "/", JSON, b'{"QueueUrl":"http://q/1/a","MessageBody":"x"}', None, None),
    ("empty body", "sts", "POST", "/", FORM, b"", None, None),
    ("utf-8 body", "sns", "POST", "/", FORM, "Message=grüße €".encode(), None, None),
    ("queue path", "sqs", "POST", "/111122223333/jobs.fifo", FORM, b"Action=ReceiveMessage", None, None),
    ("dots and slashes", "sqs", "GET", "/a/./b//../c/", {}, b"", None, None),
    ("beyond the root", "sqs", "GET", "/../../x", {}, b"", None, None),
    ("escapes in the path", "sqs", "GET", "/a%20b/%C3%BC/%2f~-._", {}, b"", None, None),
    ("stars and signs in the path", "sqs", "GET", "/a*b(c)'d,e;f:g@h&i=j+k$l!m", {}, b"", None, None),
    ("sorted query", "sqs", "GET", "/?b=2&a=1&B=3&a=0&a-b=4&a%2Fb=5", {}, b"", None, None),
    ("query without values", "sqs", "GET", "/?Action=ListQueues&x&y=", {}, b"", None, None),
    ("escapes in the query", "sqs", "GET", "/?Arn=arn%3Aaws%3Asns%3Aus-east-1%3A1%3At&M=a%20b%2Bc%3D%26%E2%82%AC~", {},
     b"", None, None),
    ("blanks in headers", "sns", "POST", "/", {"X-Amz-Meta": "  a   b  \"c   d\"  "}, b"x", None, None),
    ("empty header", "sns", "POST", "/", {"X-Amz-Empty": ""}, b"x", None, None),
    ("session token", "sqs", "POST", "/", JSON, b"{}", TOKEN, None),
    ("signed URL", "sns", "GET", "/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A1%3At&Token=a%20b", {},
     b"", None, 3600),
    ("signed URL of a session", "sqs", "GET", "/1/q?Action=ReceiveMessage", {}, b"", TOKEN, 60),
]


def sign(case):
    name, service, method, target, headers, body, token, seconds = case
    credentials = Credentials(KEY, SECRET, token)
    request = AWSRequest(method, "http://fanfare.example:4566" + target, data=body,
                         headers={"Host": "fanfare.example:4566", **headers})
    if seconds is None:
        botocore.auth.SigV4Auth(credentials, service, "eu-west-1").add_auth(request)
    else:
        botocore.auth.SigV4QueryAuth(credentials, service, "eu-west-1", expires=seconds).add_auth(request)
    return request


def literal(text):
    return json.dumps(text, ensure_ascii=True) if text.isascii() else '"' + "".join(
        c if c.isascii() and c not in '"\\' else "".join(f"\\{b:03o}" for b in c.encode()) for c in text) + '"'


def main():
    freeze()
    print(f"/* Made by make_signed_vectors.py with botocore {botocore.__version__}; do not edit. */")
    print("/* clang-format off */")
    print(f"#define VECTOR_KEY    \"{KEY}\"\n#define VECTOR_SECRET \"{SECRET}\"\n#define VECTOR_TOKEN  \"{TOKEN}\"")
    print("#define VECTOR_NOW_MS %dLL" % (NOW.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000))
    print("static const struct vector vectors[] = {")
    for case in CASES:
        request = sign(case)
        target = request.url[len("http://fanfare.example:4566"):]
        pairs = ", ".join("{%s, %s}" % (literal(n), literal(v)) for n, v in request.headers.items())
        print("    {%s, %s, %s, %s, %s, %s, {%s}}," % (literal(case[0]), literal(case[1]), literal(case[2]), literal(target),
              literal(case[5].decode()), "true" if case[6] else "false", pairs))
    print("};\n/* clang-format on */")


main()
