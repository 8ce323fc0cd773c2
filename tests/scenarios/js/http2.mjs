// An HTTPS endpoint that offers HTTP/2 and HTTP/1.1: prints its port, then a line for each request.
import { createSecureServer } from "node:http2";
import { readFileSync } from "node:fs";

const [, , cert, key] = process.argv;
const server = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: true }, (request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    console.log(JSON.stringify({ version: request.httpVersion, body: Buffer.concat(parts).toString(), headers: request.headers }));
    response.end("ok");
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
