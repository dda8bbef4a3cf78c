// A client that sends bytes as they are given, for what no HTTP library would send, over node:net.
import { connect, type Socket } from "node:net";
import { afterEach } from "vitest";
import { nodeNetwork } from "../../src/adapters/node/index.ts";
import { type Handler, type HttpServer, type ServeOptions, serve } from "../../src/http/index.ts";

const open: HttpServer[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close({ timeout: 0 })));
});

/** A server on loopback that ends with its test. */
export async function served(handler: Handler, options?: ServeOptions): Promise<HttpServer> {
  const server = serve(await nodeNetwork.bind("127.0.0.1:0"), handler, options);
  open.push(server);
  return server;
}

export interface RawConnection {
  readonly socket: Socket;
  /** All that came so far, as latin1. */
  readonly received: string;
  send(latin1: string): void;
  /** FIN, without closing the other direction. */
  end(): void;
  /** Waits until `received` matches. */
  until(pattern: RegExp): Promise<string>;
  /** Waits for the end: how it came, and all that was received. */
  readonly over: Promise<{ readonly how: "end" | "reset"; readonly text: string }>;
}

export function raw(server: HttpServer): RawConnection {
  const socket = connect({ port: server.addr.port, host: server.addr.hostname, allowHalfOpen: true });
  socket.setNoDelay(true);
  let received = "";
  let wake = (): void => {};
  socket.setEncoding("latin1").on("data", (text: string) => {
    received += text;
    wake();
  });
  const over = new Promise<{ how: "end" | "reset"; text: string }>((resolve) => {
    socket.on("end", () => {
      socket.end();
      resolve({ how: "end", text: received });
      wake();
    });
    socket.on("error", () => {
      resolve({ how: "reset", text: received });
      wake();
    });
  });
  let ended = false;
  void over.then(() => {
    ended = true;
    wake();
  });
  return {
    socket,
    over,
    get received() {
      return received;
    },
    send(text) {
      socket.write(text, "latin1");
    },
    end() {
      socket.end();
    },
    async until(pattern) {
      while (!pattern.test(received)) {
        if (ended) throw new Error(`The connection ended before ${pattern} came:\n${received}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return received;
    },
  };
}

/** Sends all at once, half-closes, and gives all that comes back. */
export async function exchange(server: HttpServer, latin1: string): Promise<string> {
  const connection = raw(server);
  connection.send(latin1);
  connection.end();
  return (await connection.over).text;
}

/** The statuses of the responses in a text, in order. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}
