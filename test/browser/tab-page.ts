// What contract.test.ts runs in a tab: one contract test at a time by its name, and what a page does with sockets. Uses
// the library as a page would, by its browser entry.
import { NetError, pipe, type TcpStream, Tunnel } from "../../src/index.browser.ts";
import { contractSuite } from "../contract/suite.ts";
import { pattern } from "../contract/world.ts";
import { tabWorlds } from "./contract-worlds.ts";

/** What the test calls in the page. */
export interface Tab {
  /** Null, or why the test failed. */
  contract(name: string): Promise<string | null>;
  /** Closes the contract's worlds. */
  finish(): Promise<void>;
  /** Opens this page's tunnel. Null, or the code it failed with. */
  open(url?: string): Promise<string | null>;
  /** Echoes to whoever dials: the address at which plain TCP reaches this tab. */
  echo(): Promise<string>;
  /** Sends `text`, half closes, and gives the answer; or the code of the failure. */
  ask(addr: string, text: string): Promise<string>;
  /** Dials, sends a little and aborts. */
  abort(addr: string): Promise<void>;
  /** Sends and receives at once; what was sent and what came, by length and SHA-256. */
  exchange(addr: string, size: number): Promise<Exchanged>;
  /** Leaves pending what can be pending, on a stream to `addr`, a listener, and the tunnel itself. */
  leavePending(addr: string): Promise<void>;
  /** How what was left pending has ended. */
  pendingCodes(): Promise<Record<string, string>>;
  /** Whether web security lets this page read `url`. */
  mayRead(url: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface Exchanged {
  readonly sent: Digest;
  readonly received: Digest;
}

export interface Digest {
  readonly length: number;
  readonly sha256: string;
}

const relayUrl = `ws://${location.host}/`;
const tests = new Map<string, () => Promise<void>>();
const afters: (() => Promise<void>)[] = [];
const surroundings = {
  open: Tunnel.open,
  relayUrl,
  silentPort: Number(new URLSearchParams(location.search).get("silent")),
};
for (const world of tabWorlds(surroundings)) {
  contractSuite(world, {
    test: (name, body) => void tests.set(name, body),
    skip: () => {},
    after: (body) => void afters.push(body),
  });
}

let tunnel: Tunnel;
let pending: Record<string, Promise<string>> = {};

const tab: Tab = {
  async contract(name) {
    const body = tests.get(name);
    if (body === undefined) return "There is no test of this name in the page";
    try {
      await body();
      return null;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  },

  async finish() {
    for (const after of afters) await after();
  },

  async open(url = relayUrl) {
    try {
      tunnel = await Tunnel.open(url);
      return null;
    } catch (error) {
      return codeOf(error);
    }
  },

  async echo() {
    const listener = await tunnel.bind(":0", { publish: ":0" });
    void (async () => {
      for await (const stream of listener) void pipe(stream, stream);
    })();
    return String(listener.published);
  },

  async ask(addr, text) {
    try {
      const stream = await tunnel.connect(addr);
      await stream.writeAll(new TextEncoder().encode(text));
      await stream.closeWrite();
      const answer = new TextDecoder().decode(await stream.readToEnd());
      await stream.close();
      return answer;
    } catch (error) {
      return codeOf(error);
    }
  },

  async abort(addr) {
    const stream = await tunnel.connect(addr);
    await stream.writeAll(new Uint8Array(1_000));
    await stream.flush();
    stream.abort();
  },

  async exchange(addr, size) {
    const stream = await tunnel.connect(addr);
    const data = pattern(size, 7);
    const [received] = await Promise.all([stream.readToEnd({ limit: 2 * size }), sendAll(stream, data)]);
    await stream.close();
    return { sent: await digest(data), received: await digest(received) };
  },

  async leavePending(addr) {
    const stream = await tunnel.connect(addr);
    const listener = await tunnel.bind(":0", { publish: ":0" });
    pending = {
      read: outcome(stream.readChunk()),
      write: outcome(stream.writeAll(new Uint8Array(64 << 20))),
      accept: outcome(listener.accept()),
      stream: outcome(stream.closed),
      tunnel: outcome(tunnel.closed),
    };
  },

  async pendingCodes() {
    const codes = await Promise.all(Object.entries(pending).map(async ([name, code]) => [name, await code]));
    return Object.fromEntries(codes) as Record<string, string>;
  },

  async mayRead(url) {
    try {
      await (await fetch(url)).text();
      return true;
    } catch {
      return false;
    }
  },

  close: () => tunnel.close(),
};

async function sendAll(stream: TcpStream, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length; at += 1 << 20) await stream.writeAll(data.subarray(at, at + (1 << 20)));
  await stream.closeWrite();
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Digest> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return {
    length: bytes.length,
    sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}

function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(() => "done", codeOf);
}

function codeOf(error: unknown): string {
  return NetError.is(error) ? error.code : `no NetError: ${error}`;
}

(globalThis as { tab?: Tab }).tab = tab;
