// npm sqs-consumer as its users run it; every third message fails at first.  Says on standard output, a line each:
//   took ID BODY        the handler has it
//   deleted ID          its deletion was acknowledged
//   unsure ID           its deletion was asked for, and no answer came: done, or it comes again
// node consumer.mjs URL QUEUE_URL one|batch; it ends at the end of standard input.
import { Consumer } from "sqs-consumer";
import { SQSClient } from "@aws-sdk/client-sqs";

const [endpoint, queueUrl, kind] = process.argv.slice(2);
const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } });
const failed = new Set();

function handle(message) {
  process.stdout.write(`took ${message.MessageId} ${message.Body}\n`);
  if (Number(message.Body.split(":").pop()) % 3 === 0 && !failed.has(message.MessageId)) {
    failed.add(message.MessageId);
    throw new Error(`not today: ${message.Body}`);
  }
}

const handlers = {
  one: { handleMessage: async (message) => handle(message) },
  batch: { handleMessageBatch: async (messages) => messages.forEach(handle) },
};
const consumer = Consumer.create({
  queueUrl, sqs, batchSize: 10, waitTimeSeconds: 1, visibilityTimeout: 5, terminateVisibilityTimeout: true, pollingWaitTimeMs: 0,
  ...handlers[kind],
});
consumer.on("message_processed", (message) => {
  for (const one of Array.isArray(message) ? message : [message]) process.stdout.write(`deleted ${one.MessageId}\n`);
});
let errors = 0;
consumer.on("error", (error, about) => {
  errors++;
  if (!about || !/delete/i.test(error.message)) return;
  for (const one of Array.isArray(about) ? about : [about]) process.stdout.write(`unsure ${one.MessageId}\n`);
});
consumer.on("processing_error", () => {});
consumer.on("stopped", () => {
  process.stderr.write(`${kind}: ${errors} errors of the connection or the queue\n`);
  process.exit(0);
});
process.stdin.on("end", () => consumer.stop()).resume();
consumer.start();
