// Receives [{secret, publicKey, headers, body}] on standard input and verifies each as a customer would:
// v1 by npm standardwebhooks, v1a (ed25519, which that package leaves out) by Node's own crypto.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

function isSigned({ secret, publicKey, headers, body }) {
  if (secret) {
    try {
      new Webhook(secret).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  }
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(publicKey.slice("whpk_".length), "base64")]);
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  const text = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return headers["webhook-signature"].split(" ").filter((s) => s.startsWith("v1a,"))
    .some((s) => verify(null, text, key, Buffer.from(s.slice(4), "base64")));
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(isSigned)));
