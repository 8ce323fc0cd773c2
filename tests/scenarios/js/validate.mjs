// Reads notifications as JSON lines and checks each with npm sns-validator, which insists on https.
import readline from "node:readline";
import MessageValidator from "sns-validator";

const validator = new MessageValidator(/^localhost:\d+$/);
for await (const line of readline.createInterface({ input: process.stdin })) {
  await new Promise((resolve, reject) => validator.validate(JSON.parse(line), (error) => (error ? reject(error) : resolve())));
  const forged = { ...JSON.parse(line), Message: "forged" };
  await new Promise((resolve, reject) => validator.validate(forged, (error) => (error ? resolve() : reject(new Error("a forged message passed")))));
  console.log("valid");
}
