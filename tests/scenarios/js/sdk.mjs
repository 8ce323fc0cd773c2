// create, subscribe, confirm, publish, receive, delete with @aws-sdk/client-sns and client-sqs.
// node sdk.mjs URL
import assert from "node:assert/strict";
import http from "node:http";
import {
  SNSClient, CreateTopicCommand, SubscribeCommand, ConfirmSubscriptionCommand, PublishCommand, PublishBatchCommand,
  ListSubscriptionsByTopicCommand, GetTopicAttributesCommand, UnsubscribeCommand, DeleteTopicCommand,
} from "@aws-sdk/client-sns";
import {
  SQSClient, CreateQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand, SendMessageCommand, ReceiveMessageCommand,
  DeleteMessageCommand, ChangeMessageVisibilityCommand, ListQueuesCommand, DeleteQueueCommand, QueueDoesNotExist,
} from "@aws-sdk/client-sqs";

const endpoint = process.argv[2];
const options = { endpoint, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" }, maxAttempts: 1 };
const sns = new SNSClient(options);
const sqs = new SQSClient(options);

const queue = (await sqs.send(new CreateQueueCommand({ QueueName: "js", Attributes: { VisibilityTimeout: "30" } }))).QueueUrl;
assert.equal((await sqs.send(new GetQueueUrlCommand({ QueueName: "js" }))).QueueUrl, queue);
assert.deepEqual((await sqs.send(new ListQueuesCommand({}))).QueueUrls, [queue]);
const arn = (await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ["QueueArn"] }))).Attributes.QueueArn;
const topic = (await sns.send(new CreateTopicCommand({ Name: "js" }))).TopicArn;
await sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: "sqs", Endpoint: arn, Attributes: { FilterPolicy: '{"n":[1,3]}' } }));

const got = [];
const confirmed = new Promise((resolve) => {
  const server = http.createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", async () => {
      const body = JSON.parse(text);
      response.end();
      if (body.Type === "SubscriptionConfirmation") {
        const answer = await sns.send(new ConfirmSubscriptionCommand({ TopicArn: body.TopicArn, Token: body.Token }));
        resolve({ server, subscription: answer.SubscriptionArn });
      } else {
        got.push(body.Message);
      }
    });
  });
  server.listen(0, "127.0.0.1", () =>
    sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: "http", Endpoint: `http://127.0.0.1:${server.address().port}/` })));
});
const { server, subscription } = await confirmed;
assert.equal((await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }))).Subscriptions.length, 2);

const number = (n) => ({ n: { DataType: "Number", StringValue: String(n) } });
await sns.send(new PublishCommand({ TopicArn: topic, Message: "one", MessageAttributes: number(1) }));
const batch = await sns.send(new PublishBatchCommand({
  TopicArn: topic,
  PublishBatchRequestEntries: [2, 3].map((n) => ({ Id: `e${n}`, Message: `m${n}`, MessageAttributes: number(n) })),
}));
assert.equal(batch.Successful.length, 2);
const deadline = Date.now() + 20000;
while (got.length < 3 && Date.now() < deadline) await new Promise((r) => setTimeout(r, 20));
assert.deepEqual(got.sort(), ["m2", "m3", "one"]);

const queued = [];
while (queued.length < 2 && Date.now() < deadline) {
  const answer = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }));
  for (const message of answer.Messages ?? []) {
    queued.push(JSON.parse(message.Body).Message);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: message.ReceiptHandle }));
  }
}
assert.deepEqual(queued.sort(), ["m3", "one"]);

// The SDK checks the MD5s of what it sends and receives by itself.
await sqs.send(new SendMessageCommand({
  QueueUrl: queue, MessageBody: "räksmörgås 𝄞",
  MessageAttributes: { a: { DataType: "String", StringValue: "x" }, b: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } },
}));
const one = (await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, MessageAttributeNames: ["All"], WaitTimeSeconds: 5 }))).Messages[0];
assert.equal(one.Body, "räksmörgås 𝄞");
assert.deepEqual([...one.MessageAttributes.b.BinaryValue], [0, 255]);
await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle: one.ReceiptHandle, VisibilityTimeout: 0 }));
const again = (await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 5 }))).Messages[0];
assert.equal(again.MessageId, one.MessageId);

await sns.send(new UnsubscribeCommand({ SubscriptionArn: subscription }));
assert.equal((await sns.send(new GetTopicAttributesCommand({ TopicArn: topic }))).Attributes.SubscriptionsConfirmed, "1");
await sns.send(new DeleteTopicCommand({ TopicArn: topic }));
await sqs.send(new DeleteQueueCommand({ QueueUrl: queue }));
await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: "x" })), QueueDoesNotExist);
server.close();
server.closeAllConnections();
console.log("ok");
