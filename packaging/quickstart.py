"""What quickstart shows: a topic, a filtered webhook, a queue, a few messages, who got what and why."""

import http.server
import json
import sys
import threading
import time

import boto3

ENDPOINT = sys.argv[1]
ORDERS = [
    {"order": 1, "region": "eu-west-1", "total": 250},
    {"order": 2, "region": "us-east-1", "total": 40},
    {"order": 3, "region": "eu-west-1", "total": 15},
    {"order": 4, "region": "us-east-1", "total": 999},
]
WEBHOOK_POLICY = {"total": [{"numeric": [">", 100]}]}
QUEUE_POLICY = {"region": ["eu-west-1"]}


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1",
                        aws_access_key_id="test", aws_secret_access_key="test")


sns, sqs = client("sns"), client("sqs")
hooked = []


class Webhook(http.server.BaseHTTPRequestHandler):
    """Confirms its subscription as any SNS endpoint does, then keeps what comes."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["Type"] == "SubscriptionConfirmation":
            sns.confirm_subscription(TopicArn=body["TopicArn"], Token=body["Token"])
        elif body["Type"] == "Notification":
            hooked.append(json.loads(body["Message"])["order"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def wait_until(claim, what, seconds=20):
    end = time.time() + seconds
    while not claim():
        if time.time() > end:
            sys.exit("gave up waiting: " + what)
        time.sleep(0.05)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = "http://127.0.0.1:%d/hook" % server.server_port

    print("3. A topic, a webhook that wants totals over 100, a queue that wants eu-west-1")
    topic = sns.create_topic(Name="quickstart-orders")["TopicArn"]
    queue = sqs.create_queue(QueueName="quickstart-orders-eu")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    webhook = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook, ReturnSubscriptionArn=True, Attributes={
        "FilterPolicy": json.dumps(WEBHOOK_POLICY), "FilterPolicyScope": "MessageBody"})["SubscriptionArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={
        "FilterPolicy": json.dumps(QUEUE_POLICY), "RawMessageDelivery": "true"})

    def is_confirmed():
        attributes = sns.get_subscription_attributes(SubscriptionArn=webhook)["Attributes"]
        return attributes["PendingConfirmation"] == "false"

    wait_until(is_confirmed, "the webhook's confirmation")
    print("   %s\n   %s (confirmed by the usual handshake)\n   %s" % (topic, hook, queue))

    print("4. Publishing %d messages" % len(ORDERS))
    for order in ORDERS:
        sns.publish(TopicArn=topic, Message=json.dumps(order), MessageAttributes={
            "region": {"DataType": "String", "StringValue": order["region"]}})

    queued = []
    def drain():
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            queued.append(json.loads(message["Body"])["order"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    wanted = lambda test: sorted(order["order"] for order in ORDERS if test(order))
    for_hook = wanted(lambda order: order["total"] > 100)
    for_queue = wanted(lambda order: order["region"] == "eu-west-1")
    wait_until(lambda: len(hooked) >= len(for_hook), "the webhook's messages")
    def queue_has_all():
        drain()
        return len(queued) >= len(for_queue)
    wait_until(queue_has_all, "the queue's messages")

    print("5. Who received what, and why the others did not\n")
    print("   %-44s %-26s %s" % ("message", "webhook (body.total > 100)", "queue (region = eu-west-1)"))
    for order in ORDERS:
        row = ["received" if order["order"] in hooked else "no: total is %d" % order["total"],
               "received" if order["order"] in queued else "no: region is %s" % order["region"]]
        print("   %-44s %-26s %s" % (json.dumps(order), *row))
    sns.unsubscribe(SubscriptionArn=webhook)
    if sorted(hooked) != for_hook or sorted(queued) != for_queue:
        sys.exit("\nnot what the policies say: %s %s" % (hooked, queued))


main()
