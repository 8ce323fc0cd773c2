#!/usr/bin/python3
"""Runs the cases below cases/ against the real daemon: see README.md."""

import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {"sns": "2010-03-31", "sqs": "2012-11-05", "sts": "2011-06-15"}
NAMESPACES = {
    "sns": "http://sns.amazonaws.com/doc/2010-03-31/",
    "sqs": "http://queue.amazonaws.com/doc/2012-11-05/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}
KINDS = {
    "": r'[^<"]+',
    "any": r"[\s\S]*",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "md5": r"[0-9a-f]{32}",
    "number": r"[0-9]+",
    "int": r"-?[0-9]+",
}
PLACEHOLDER = re.compile(r"\{(?:(\d+)\*([^{}]+)|x([0-9a-f]{2})|([a-z0-9_]*)(?:(=)([a-z][a-z0-9_]*))?)\}")
UNTIL_SECONDS = 10


class Failure(Exception):
    pass


# --- Placeholders.

def filled(text, names):
    """A request's text, as bytes."""
    parts, at = [], 0
    for found in PLACEHOLDER.finditer(text):
        times, what, byte, name, captures, _ = found.groups()
        parts.append(text[at:found.start()].encode())
        at = found.end()
        if times:
            parts.append((what * int(times)).encode())
        elif byte:
            parts.append(bytes.fromhex(byte))
        elif name in names and not captures:
            parts.append(names[name].encode())
        else:
            parts.append(found.group(0).encode())
    return b"".join(parts) + text[at:].encode()


def pattern(text, names):
    """An answer's text, as a regular expression and the names of its groups."""
    parts, groups, at = [], [], 0
    for found in PLACEHOLDER.finditer(text):
        times, what, byte, name, captures, into = found.groups()
        parts.append(re.escape(text[at:found.start()]))
        at = found.end()
        if times:
            parts.append("(?:%s){%s}" % (re.escape(what), times))
        elif captures and name in KINDS:
            parts.append("(" + KINDS[name] + ")")
            groups.append(into)
        elif not byte and name in names:
            parts.append(re.escape(names[name]))
        elif not byte and name in KINDS and name:
            parts.append("(?:" + KINDS[name] + ")")
        else:
            parts.append(re.escape(found.group(0)))
    return "".join(parts) + re.escape(text[at:]), groups


def match(expected, actual, names, what):
    expression, groups = pattern(expected, names)
    found = re.fullmatch(expression, actual)
    if not found:
        raise Failure("%s\n  expected: %s\n  got:      %s" % (what, expected[:4000], actual[:4000]))
    for name, value in zip(groups, found.groups()):
        names[name] = value


# --- Reading a case.

class Step:
    def __init__(self, line):
        self.words = line.split()
        self.lines = []
        self.answer = None
        self.repeats = False
        self.expected = []
        self.pause = 0.0


def steps_of(path):
    steps = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            step = steps[-1] if steps else None
            if line.startswith(">> "):
                steps.append(Step(line[3:]))
            elif line.startswith("pause ") and (step is None or step.answer is not None):
                steps.append(Step(""))
                steps[-1].pause = float(line[6:])
            elif line.startswith(("<< ", "<<~ ")):
                step.repeats = line.startswith("<<~")
                step.answer = line.split()[1:]
            elif step is None or step.pause:
                if line and not line.startswith("#"):
                    raise Failure("%s:%d: a case begins with a request: >> ..." % (path, number))
            else:
                (step.lines if step.answer is None else step.expected).append(line)
    for step in steps:
        while step.expected and (not step.expected[-1] or step.expected[-1].startswith("# ")):
            step.expected.pop()
        if step.answer is None and not step.pause:
            raise Failure("%s: %s has no answer: << ..." % (path, " ".join(step.words)))
    return steps


# --- Asking.

def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(request, service, account, region, host):
    """SigV4 as SDKs do it; the secret key is "secret"."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = "%s/%s/%s/aws4_request" % (stamp[:8], region, service)
    signed = {"host": host, "x-amz-date": stamp}
    path, _, query = request["target"].partition("?")
    canonical = "\n".join([
        request["method"], path, "&".join(sorted(query.split("&"))),
        "".join("%s:%s\n" % pair for pair in sorted(signed.items())), ";".join(sorted(signed)),
        hashlib.sha256(request["body"]).hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4secret"
    for part in (stamp[:8], region, service, "aws4_request"):
        key = digest(key, part)
    request["headers"] += [
        ("X-Amz-Date", stamp),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
            account, scope, ";".join(sorted(signed)), digest(key, to_sign).hex()))]


def form_of(step, service, names):
    form = [("Action=" + urllib.parse.quote(step.words[1])).encode(), ("Version=" + VERSIONS[service]).encode()]
    text = "\n".join(step.lines).replace("\\\n", "")
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if not equals:
            continue
        if name.endswith(":"):
            form.append(filled(name[:-1] + "=" + value, names))
        else:
            form.append((urllib.parse.quote(name) + "=" + urllib.parse.quote(filled(value, names), safe="")).encode())
    return b"&".join(form)


def raw_request(step, names):
    lines = step.lines + [""]
    empty = lines.index("")
    headers = [line.partition(":")[::2] for line in lines[:empty]]
    return {"method": step.words[0], "target": filled(step.words[1], names).decode(), "service": None,
            "headers": [(name, filled(value.strip(), names).decode("latin-1")) for name, value in headers],
            "body": filled("\n".join(step.lines[empty + 1:]).rstrip("\n"), names)}


def call_request(step, names):
    service, _, protocol = step.words[0].partition(".")
    options = dict(word.partition("=")[::2] for word in step.words[2:])
    request = {"method": "POST", "target": options.get("path", "/"), "headers": [], "service": service}
    if service == "sqs" and protocol != "query":
        request["headers"] = [("Content-Type", "application/x-amz-json-1.0"),
                              ("X-Amz-Target", "AmazonSQS." + step.words[1])]
        request["body"] = filled("\n".join(step.lines).strip(), names)
    elif "get" in options:
        request.update(method="GET", body=b"")
        request["target"] += "?" + form_of(step, service, names).decode()
    else:
        request["headers"] = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
        request["body"] = form_of(step, service, names)
    request["target"] = filled(request["target"], names).decode()
    if "unsigned" not in options:
        sign(request, service, filled(options.get("account", "{account}"), names).decode(),
             options.get("region", names["region"]), names["host"])
    return request


def ask(request, names):
    host, _, port = names["host"].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=40)
    given = {name.lower(): value for name, value in request["headers"]}
    try:
        connection.putrequest(request["method"], request["target"], skip_host="host" in given, skip_accept_encoding=True)
        for name, value in request["headers"]:
            if value:
                connection.putheader(name, value)
        if "content-length" not in given and (request["body"] or request["method"] == "POST"):
            connection.putheader("Content-Length", str(len(request["body"])))
        connection.endheaders(request["body"])
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


# --- Judging.

def compact(xml):
    xml = re.sub(r">\s+<", "><", re.sub(r"^\s*<\?xml[^>]*\?>\s*", "", xml)).strip()
    return re.sub(r"<(\w+)></\1>", r"<\1/>", xml)


def compare_json(expected, actual, names, place):
    if isinstance(expected, dict) and isinstance(actual, dict):
        more = set(actual) - set(expected)
        if more and "..." not in expected:
            raise Failure("%s: unexpected members %s" % (place, sorted(more)))
        for name in expected:
            if name == "...":
                continue
            if name not in actual:
                raise Failure("%s: member %s is missing in %s" % (place, name, json.dumps(actual)))
            compare_json(expected[name], actual[name], names, place + "." + name)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            raise Failure("%s: %d items instead of %d: %s" % (place, len(actual), len(expected), json.dumps(actual)))
        for i, item in enumerate(expected):
            compare_json(item, actual[i], names, "%s[%d]" % (place, i))
    elif isinstance(expected, str) and re.match(r"\{int[=}]", expected):
        if isinstance(actual, bool) or not isinstance(actual, int):
            raise Failure("%s: %s is no number" % (place, json.dumps(actual)))
        match(expected, str(actual), names, place)
    elif isinstance(expected, str) and isinstance(actual, str):
        match(expected, actual, names, place)
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        raise Failure("%s: %s instead of %s" % (place, json.dumps(actual), json.dumps(expected)))


def envelope(request, step, headers, body):
    """What every XML answer has around it; gives what is inside <OpResult>."""
    found = re.fullmatch(r'<(\w+)Response xmlns="([^"]*)">(?:<\1Result>([\s\S]*)</\1Result>|<\1Result/>)?'
                         r"<ResponseMetadata><RequestId>([^<]*)</RequestId></ResponseMetadata></\1Response>", body)
    if not found:
        raise Failure("no proper envelope: %s" % body[:4000])
    name, namespace, inside, number = found.groups()
    if request["service"] and namespace != NAMESPACES[request["service"]]:
        raise Failure("namespace %s" % namespace)
    if request["service"] and name != step.words[1]:
        raise Failure("an answer to %s" % name)
    if number != headers.get("x-amzn-requestid"):
        raise Failure("RequestId differs from x-amzn-RequestId")
    return inside or ""


def judge_error(step, headers, body, names):
    codes, message = step.answer[1:], "\n".join(step.expected)
    if "json" in headers.get("content-type", ""):
        error = json.loads(body)
        match(codes[0], error.get("__type", ""), names, "__type")
        query = headers.get("x-amzn-query-error", "")
        if len(codes) > 1:
            match(codes[1] + ";" + ("Sender" if step.answer[0] < "500" else "Receiver"), query, names,
                  "x-amzn-query-error")
        match(message, error.get("message", ""), names, "message")
        return
    found = re.fullmatch(r'<ErrorResponse(?: xmlns="([^"]*)")?><Error><Type>(\w+)</Type><Code>([^<]*)</Code>'
                         r"<Message>([\s\S]*)</Message>(<Detail/>)?</Error><RequestId>([^<]*)</RequestId>"
                         r"</ErrorResponse>", compact(body))
    if not found:
        raise Failure("no proper error: %s" % body[:4000])
    namespace, kind, code, text, detail, number = found.groups()
    if number != headers.get("x-amzn-requestid"):
        raise Failure("RequestId differs from x-amzn-RequestId")
    if kind != ("Sender" if step.answer[0] < "500" else "Receiver"):
        raise Failure("Type is %s" % kind)
    if (detail is not None) != (namespace == NAMESPACES["sqs"]):
        raise Failure("<Detail/> belongs into SQS's errors only")
    match(codes[0], code, names, "Code")
    for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#xD;", "\r"), ("&amp;", "&")):
        text = text.replace(escaped, plain)
    match(message, text, names, "Message")


def judge_body(request, step, headers, body, names):
    lines = list(step.expected)
    while lines and re.match(r"[A-Za-z][A-Za-z0-9-]*: ", lines[0]):
        name, _, value = lines.pop(0).partition(": ")
        match(value, headers.get(name.lower(), ""), names, name)
    expected = "\n".join(lines).strip()
    if expected == "{any}":
        return
    if "json" in headers.get("content-type", "") and expected and body:
        compare_json(json.loads(filled_json(expected, names)), json.loads(body), names, "body")
        return
    body = compact(body)
    root = re.match(r"<\w+", body)
    if not root or compact(expected).startswith(root.group(0)):
        match(compact(expected), body, names, "body")
    else:
        match(compact(expected), envelope(request, step, headers, body), names, "result")


def filled_json(text, names):
    """Repetitions have to be written out before JSON is parsed; the rest waits in its strings."""
    return re.sub(r"\{(\d+)\*([^{}]+)\}", lambda found: found.group(2) * int(found.group(1)), text)


def judge(request, step, answer, names):
    status, headers, body = answer
    if str(status) != step.answer[0]:
        raise Failure("HTTP %d instead of %s: %s" % (status, step.answer[0], body[:4000]))
    if request["service"]:
        is_json = any(name == "X-Amz-Target" for name, _ in request["headers"])
        if headers.get("content-type") != ("application/x-amz-json-1.0" if is_json else "text/xml"):
            raise Failure("Content-Type is %s" % headers.get("content-type"))
        if not re.fullmatch(KINDS["uuid"], headers.get("x-amzn-requestid", "")):
            raise Failure("no x-amzn-RequestId")
    if len(step.answer) > 1:
        judge_error(step, headers, body, names)
    else:
        judge_body(request, step, headers, body, names)


def step_run(step, names):
    if step.pause:
        time.sleep(min(step.pause, 10))
        return
    end = time.time() + UNTIL_SECONDS
    while True:
        is_call = step.words[0].partition(".")[0] in VERSIONS
        request = (call_request if is_call else raw_request)(step, names)
        answer = ask(request, names)
        try:
            judge(request, step, answer, names)
            return
        except Failure:
            if not step.repeats or time.time() > end:
                raise
        time.sleep(0.1)


# --- The daemon.

class Daemon:
    def __init__(self, binary, data):
        self.log = open(os.path.join(data, "log"), "w+", encoding="utf-8", errors="replace")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FANFARE_"))}
        self.process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--data", os.path.join(data, "data")],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        self.host = None
        timer = threading.Timer(60, self.process.kill)
        timer.start()
        for line in self.process.stdout:
            found = re.search(r"http://([^ ,]+:\d+)", line)
            self.host = found.group(1) if found else self.host
            if line.strip() == "Ready.":
                break
        timer.cancel()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        self.log.seek(0)
        return code, self.log.read()


def cases_of(words):
    services = [word for word in words if os.path.isdir(os.path.join(HERE, "cases", word))]
    parts = [word for word in words if word not in services]
    for service in sorted(os.listdir(os.path.join(HERE, "cases"))):
        if services and service not in services:
            continue
        for name in sorted(os.listdir(os.path.join(HERE, "cases", service))):
            if name.endswith(".txt") and (not parts or any(part in name for part in parts)):
                yield os.path.join("cases", service, name)


def case_run(path, number, host):
    names = {"host": host, "account": "%012d" % (700000000000 + number), "region": "us-east-1"}
    step = None
    try:
        for step in steps_of(os.path.join(HERE, path)):
            step_run(step, names)
        return True
    except (Failure, OSError, ValueError, http.client.HTTPException) as error:
        print("FAIL %s\n  >> %s\n  %s: %s" % (path, " ".join(step.words) if step else "", type(error).__name__, error))
        return False


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: run_cases.py FANFARE [SERVICE] [WORD...]")
    data = tempfile.mkdtemp(prefix="fanfare-wire-")
    daemon = Daemon(sys.argv[1], data)
    try:
        cases = list(cases_of(sys.argv[2:])) if daemon.process.poll() is None else []
        good = sum(case_run(path, i, daemon.host) for i, path in enumerate(cases))
        code, log = daemon.stop()
        if code != 0 or "Sanitizer" in log or "runtime error" in log:
            print("the daemon ended with %s\n%s" % (code, log[-8000:]))
            good = -1
        print("%d of %d cases pass" % (max(good, 0), len(cases)))
        sys.exit(0 if good == len(cases) and cases else 1)
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.log.close()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
