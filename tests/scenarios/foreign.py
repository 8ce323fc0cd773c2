"""A queue server of somebody else, by the book: SendMessageBatch in both protocols, signatures checked by botocore, faults to order."""

import base64
import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
import xml.sax.saxutils

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from support import free_port

HERE = os.path.dirname(os.path.abspath(__file__))


def signature_of(handler, body, secret):
    """What the request's signature should be, and what it is."""
    given = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)",
                     handler.headers.get("Authorization", ""))
    if not given:
        return None, "nothing"
    key, region, service, names, signature = given.groups()
    for needed in ("host", "x-amz-date"):
        assert needed in names.split(";"), names
    request = botocore.awsrequest.AWSRequest(
        handler.command, "http://" + handler.headers["Host"] + handler.path, data=body,
        headers={name: handler.headers[name] for name in names.split(";")})
    request.context["timestamp"] = handler.headers["X-Amz-Date"]
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), service, region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return signature, auth.signature(text, request)


class StandIn:
    """`fault(entry)` says an error code for an entry, or None; `error` is one for whole requests."""

    def __init__(self, secret=None, error=None, fault=None, port=0):
        self.secret, self.error, self.fault = secret, error, fault
        self.batches = []  # of entries: {"Id", "MessageBody", ...}
        self.refused = 0
        self.wrong_md5 = 0  # so many answers lie
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                is_json = "json" in self.headers["Content-Type"]
                entries = read_json(self, body) if is_json else read_query(body)
                status, answer = stand_in.take(self, body, entries, is_json)
                answer = answer.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, handler, body, entries, is_json):
        if self.secret is not None:
            said, wanted = signature_of(handler, body, self.secret)
            if said != wanted:
                self.refused += 1
                return 403, error_text("SignatureDoesNotMatch", "computed " + wanted, is_json)
        if self.error:
            self.refused += 1
            return self.error[0], error_text(self.error[1], "to order", is_json)
        self.batches.append(entries)
        return 200, self.answer_text(entries, is_json)

    def answer_text(self, entries, is_json):
        good, bad = [], []
        for entry in entries:
            code = self.fault(entry) if self.fault else None
            if code:
                bad.append({"Id": entry["Id"], "Code": code, "Message": "to <order>", "SenderFault": code.startswith("Invalid")})
                continue
            md5 = hashlib.md5(entry["MessageBody"].encode()).hexdigest()
            if self.wrong_md5:
                self.wrong_md5 -= 1
                md5 = "0" * 32
            good.append({"Id": entry["Id"], "MessageId": "m-" + entry["Id"], "MD5OfMessageBody": md5})
            if "MessageAttributes" in entry:
                good[-1]["MD5OfMessageAttributes"] = md5_of_attributes(entry["MessageAttributes"])
        if is_json:
            return json.dumps({"Successful": good, "Failed": bad})
        items = "".join("<SendMessageBatchResultEntry>%s</SendMessageBatchResultEntry>" % elements(one) for one in good)
        items += "".join("<BatchResultErrorEntry>%s</BatchResultErrorEntry>" % elements(one) for one in bad)
        return "<?xml version=\"1.0\"?><SendMessageBatchResponse><SendMessageBatchResult>%s</SendMessageBatchResult></SendMessageBatchResponse>" % items

    def bodies(self):
        return [entry["MessageBody"] for batch in self.batches for entry in batch]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def elements(pairs):
    return "".join("<%s>%s</%s>" % (k, xml.sax.saxutils.escape(str(v).lower() if isinstance(v, bool) else v), k) for k, v in pairs.items())


def error_text(code, message, is_json):
    if is_json:
        return json.dumps({"__type": "com.amazonaws.sqs#" + code, "message": message})
    return "<ErrorResponse><Error><Type>Sender</Type><Code>AWS.SimpleQueueService.%s</Code><Message>%s</Message></Error></ErrorResponse>" % (code, message)


def read_json(handler, body):
    assert handler.headers["X-Amz-Target"] == "AmazonSQS.SendMessageBatch", handler.headers
    asked = json.loads(body)
    assert asked["QueueUrl"].startswith("http://"), asked
    return asked["Entries"]


def read_query(body):
    form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
    assert form["Action"] == "SendMessageBatch" and form["Version"] == "2012-11-05", form
    entries, i = [], 1
    while "SendMessageBatchRequestEntry.%d.Id" % i in form:
        prefix = "SendMessageBatchRequestEntry.%d." % i
        entries.append({k[len(prefix):]: v for k, v in form.items() if k.startswith(prefix)})
        i += 1
    return entries


class Fauxqs:
    """npm fauxqs, in a process of its own.  Asked in SQS's JSON: older boto3 speak Query, which it does not."""

    def call(self, action, **parameters):
        request = urllib.request.Request(self.url + "/", json.dumps(parameters).encode(), {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + action,
            "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"})
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"{}")

    def make_queue(self, name, **attributes):
        """Its URL: it must be told to the letter, though the server is not reached there."""
        return self.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]

    def drain(self, url, count, seconds=30):
        got = []
        end = time.time() + seconds
        while len(got) < count and time.time() < end:
            for message in self.call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                                     MessageAttributeNames=["All"], AttributeNames=["All"]).get("Messages", []):
                got.append(message)
                self.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return got

    def __init__(self):
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port

    def start(self):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "js/fauxqs.mjs"), str(self.port)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "listening\n"
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def md5_of_attributes(attributes):
    """The other side of the sum, as the SQS Developer Guide has it."""
    sum = hashlib.md5()
    for name in sorted(attributes):
        kind = attributes[name]["DataType"]
        is_binary = kind.startswith("Binary")
        value = base64.b64decode(attributes[name]["BinaryValue"]) if is_binary else attributes[name]["StringValue"].encode()
        for part in (name.encode(), kind.encode()):
            sum.update(len(part).to_bytes(4, "big") + part)
        sum.update((b"\2" if is_binary else b"\1") + len(value).to_bytes(4, "big") + value)
    return sum.hexdigest()
