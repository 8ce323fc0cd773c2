// All 23 operations of SQS with @aws-sdk/client-sqs (JSON 1.0).  The client has no endpoint of its own after the first calls:
// it follows the host of QueueUrl, as in production.  node queue_ops.mjs URL
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-sqs";

const options = { endpoint: process.argv[2], region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" }, maxAttempts: 1 };
const sqs = new sdk.SQSClient(options);
const asked = new Set();
const call = (name, input, client = sqs) => {
  asked.add(name);
  return client.send(new sdk[`${name}Command`](input));
};
const refused = (promise, name, text) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.name, name);
    assert.match(error.message, text);
    return true;
  });

const dead = (await call("CreateQueue", { QueueName: "dead" })).QueueUrl;
const { Attributes: { QueueArn: deadArn } } = await call("GetQueueAttributes", { QueueUrl: dead, AttributeNames: ["QueueArn"] });
const url = (await call("CreateQueue", {
  QueueName: "ops", tags: { team: "blue" },
  Attributes: { VisibilityTimeout: "0", RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount: 1 }) },
})).QueueUrl;
assert.equal((await call("GetQueueUrl", { QueueName: "ops" })).QueueUrl, url);
assert.deepEqual((await call("ListQueues", { MaxResults: 1 })).QueueUrls, [dead]);
assert.deepEqual((await call("ListDeadLetterSourceQueues", { QueueUrl: dead })).queueUrls, [url]);
await call("TagQueue", { QueueUrl: url, Tags: { cost: "7" } });
await call("UntagQueue", { QueueUrl: url, TagKeys: ["team"] });
assert.deepEqual((await call("ListQueueTags", { QueueUrl: url })).Tags, { cost: "7" });
await call("AddPermission", { QueueUrl: url, Label: "l", AWSAccountIds: ["111122223333"], Actions: ["SendMessage"] });
await call("RemovePermission", { QueueUrl: url, Label: "l" });

const follower = new sdk.SQSClient({ ...options, endpoint: undefined });
await call("SendMessage", {
  QueueUrl: url, MessageBody: "räksmörgås 𝄞", MessageAttributes: { b: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } },
}, follower);
const one = (await call("ReceiveMessage", { QueueUrl: url, WaitTimeSeconds: 5, MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] }, follower)).Messages[0];
assert.equal(one.Body, "räksmörgås 𝄞");
assert.deepEqual([...one.MessageAttributes.b.BinaryValue], [0, 255]);
assert.equal(one.Attributes.ApproximateReceiveCount, "1");
assert.equal((await call("ReceiveMessage", { QueueUrl: url })).Messages, undefined); // it died: received once is enough
const task = await call("StartMessageMoveTask", { SourceArn: deadArn, MaxNumberOfMessagesPerSecond: 500 });
let listed;
do {
  listed = (await call("ListMessageMoveTasks", { SourceArn: deadArn })).Results[0];
} while (listed.Status === "RUNNING");
assert.equal(listed.Status, "COMPLETED");
assert.equal(listed.ApproximateNumberOfMessagesMoved, 1);
await refused(call("CancelMessageMoveTask", { TaskHandle: task.TaskHandle }), "ResourceNotFoundException", /Task does not exist/);
await call("SetQueueAttributes", { QueueUrl: url, Attributes: { RedrivePolicy: "", VisibilityTimeout: "60" } });
const back = (await call("ReceiveMessage", { QueueUrl: url, WaitTimeSeconds: 5 })).Messages[0];
await call("ChangeMessageVisibility", { QueueUrl: url, ReceiptHandle: back.ReceiptHandle, VisibilityTimeout: 10 });
await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: back.ReceiptHandle });

const sent = await call("SendMessageBatch", { QueueUrl: url, Entries: [1, 2, 3].map((n) => ({ Id: `e${n}`, MessageBody: `m${n}` })) });
assert.equal(sent.Successful.length, 3);
const batch = (await call("ReceiveMessage", { QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 })).Messages;
assert.deepEqual(batch.map((m) => m.Body), ["m1", "m2", "m3"]);
const entries = batch.map((m, i) => ({ Id: String(i), ReceiptHandle: m.ReceiptHandle }));
await call("ChangeMessageVisibilityBatch", { QueueUrl: url, Entries: entries.map((e) => ({ ...e, VisibilityTimeout: 20 })) });
const gone = await call("DeleteMessageBatch", { QueueUrl: url, Entries: [...entries, { Id: "bad", ReceiptHandle: "garbage" }] });
assert.equal(gone.Successful.length, 3);
assert.equal(gone.Failed[0].Code, "ReceiptHandleIsInvalid");

await refused(call("DeleteMessage", { QueueUrl: url, ReceiptHandle: "garbage" }), "ReceiptHandleIsInvalid", /"garbage" is not a valid receipt handle/);
await refused(call("SendMessage", { QueueUrl: url, MessageBody: "\u0007" }), "InvalidMessageContents", /Invalid characters found/);
await refused(call("SendMessageBatch", { QueueUrl: url, Entries: [] }), "EmptyBatchRequest", /at least one/);
await refused(call("CreateQueue", { QueueName: "ops", Attributes: { VisibilityTimeout: "1" } }), "QueueNameExists", /different value for attribute VisibilityTimeout/);
await call("PurgeQueue", { QueueUrl: url });
await refused(call("PurgeQueue", { QueueUrl: url }), "PurgeQueueInProgress", /every 60 seconds/);
await call("DeleteQueue", { QueueUrl: url });
await refused(call("ReceiveMessage", { QueueUrl: url }), "QueueDoesNotExist", /The specified queue does not exist\./);

const known = Object.keys(sdk).filter((name) => /^[A-Z].*Command$/.test(name) && name !== "$Command").map((name) => name.slice(0, -7));
assert.deepEqual(known.filter((name) => !asked.has(name)), []);
assert.equal(asked.size, 23);
console.log("ok");
