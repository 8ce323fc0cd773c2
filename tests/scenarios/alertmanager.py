"""Debian's prometheus-alertmanager, which knows nothing of us, publishes to a topic."""

import datetime
import json
import os
import subprocess
import tempfile
import urllib.request

from support import Daemon, Endpoint, drain, free_port, main, make_queue, subscribe, wait_until

CONFIG = """
route: {receiver: fanfare, group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: fanfare
    sns_configs:
      - api_url: %s
        topic_arn: %s
        send_resolved: true
        subject: '[{{ .Status }}] {{ .CommonLabels.alertname }}'
        sigv4: {region: us-east-1, access_key: test, secret_key: test}
        attributes: {severity: '{{ .CommonLabels.severity }}'}
"""


def send_alert(port, ends=None):
    now = datetime.datetime.now(datetime.timezone.utc)
    alert = {"labels": {"alertname": "DiskFull", "severity": "page", "instance": "db-1"},
             "annotations": {"summary": "it is full"}, "startsAt": (now - datetime.timedelta(seconds=5)).isoformat()}
    if ends:
        alert["endsAt"] = now.isoformat()
    request = urllib.request.Request("http://127.0.0.1:%d/api/v2/alerts" % port, json.dumps([alert]).encode(), {"Content-Type": "application/json"})
    assert urllib.request.urlopen(request).status == 200


def is_up(port):
    try:
        return urllib.request.urlopen("http://127.0.0.1:%d/-/ready" % port).status == 200
    except OSError:
        return False


def a_firing_and_a_resolved_alert_reach_webhook_and_queue():
    with Daemon() as daemon, Endpoint() as hook, tempfile.TemporaryDirectory() as folder:
        sns, sqs = daemon.client("sns"), daemon.client("sqs")
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        url, arn = make_queue(sqs, "alerts")
        subscribe(sns, topic, "http", hook.url, FilterPolicy=json.dumps({"severity": ["page"]}))
        subscribe(sns, topic, "sqs", arn)
        config = os.path.join(folder, "alertmanager.yml")
        open(config, "w").write(CONFIG % (daemon.url, topic))
        port = free_port()
        log = open(os.path.join(folder, "log"), "w+")
        manager = subprocess.Popen(
            ["prometheus-alertmanager", "--config.file=" + config, "--storage.path=" + folder, "--cluster.listen-address=",
             "--web.listen-address=127.0.0.1:%d" % port], stdout=log, stderr=log)
        try:
            wait_until(lambda: is_up(port), "alertmanager", 30)
            send_alert(port)
            wait_until(lambda: len(hook.requests) == 1, "the firing alert", 30)
            send_alert(port, ends=True)
            wait_until(lambda: len(hook.requests) == 2, "the resolved alert", 30)
        except AssertionError:
            log.flush()
            log.seek(0)
            print(log.read())
            raise
        finally:
            manager.kill()
            manager.wait()
            log.close()
        subjects = [json.loads(body)["Subject"] for body in hook.bodies()]
        assert subjects == ["[firing] DiskFull", "[resolved] DiskFull"], subjects
        queued = drain(sqs, url, 2)
        assert sorted(json.loads(m["Body"])["Subject"] for m in queued) == sorted(subjects)


main([a_firing_and_a_resolved_alert_reach_webhook_and_queue])
