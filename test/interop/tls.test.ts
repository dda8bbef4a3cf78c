// node:tls over streams, at both ends: what is inside is secret from every relay between them.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import https from "node:https";
import tls from "node:tls";
import { describe, expect, test } from "vitest";
import { bridges } from "./bridge.ts";

// Made for this test: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
const cert = readFileSync(new URL("fixtures/service.cert.pem", import.meta.url));
const key = readFileSync(new URL("fixtures/service.key.pem", import.meta.url));

describe.each(bridges)("node:tls over $name", ({ open }) => {
  test("carries 4 MiB up and down, checks the certificate, closes one way after the other", async () => {
    // TLS takes it from the socket below whether it may be half open.
    const bridge = open({ allowHalfOpen: true });
    const addr = await bridge.listen((socket) => {
      const secured = new tls.TLSSocket(socket, { isServer: true, key, cert });
      secured.on("error", () => {});
      secured.pipe(secured);
    });
    const client = tls.connect({ socket: bridge.dial(addr), servername: "service.test", ca: cert });
    await once(client, "secureConnect");
    expect(client.authorized).toBe(true);
    const sent = Buffer.alloc(4 << 20, "a shift, a loss or a doubling shows ");
    client.end(sent);
    const received: Buffer[] = [];
    for await (const part of client) received.push(part as Buffer);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    await bridge.close();
  });

  test("a certificate for another name fails the client", async () => {
    const bridge = open();
    const addr = await bridge.listen((socket) => {
      new tls.TLSSocket(socket, { isServer: true, key, cert }).on("error", () => {});
    });
    const client = tls.connect({ socket: bridge.dial(addr), servername: "other.test", ca: cert });
    const [error] = (await once(client, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    await bridge.close();
  });

  test("https works through an agent that dials with streams", async () => {
    const bridge = open();
    const server = https.createServer({ key, cert }, (request, response) =>
      response.end(`secret ${request.url}`),
    );
    const addr = await bridge.listen((socket) => server.emit("connection", socket));
    const socket = tls.connect({ socket: bridge.dial(addr), servername: "service.test", ca: cert });
    const closed = once(socket, "close");
    const pending = https.get({ host: "service.test", path: "/page", createConnection: () => socket });
    const [response] = (await once(pending, "response")) as [import("node:http").IncomingMessage];
    let text = "";
    for await (const part of response.setEncoding("utf8")) text += part;
    expect(text).toBe("secret /page");
    server.closeAllConnections();
    await closed;
    await bridge.close();
  });
});
