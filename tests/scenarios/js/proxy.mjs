// A small https proxy before the daemon: node proxy.mjs PORT KEY CERT TARGET-PORT
import fs from "node:fs";
import http from "node:http";
import https from "node:https";

const [port, key, cert, target] = process.argv.slice(2);
https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, (request, response) => {
  const onward = http.request({ host: "127.0.0.1", port: target, method: request.method, path: request.url, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
