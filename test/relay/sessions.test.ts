// Sessions in virtual time: detached, resumed, expired, evicted, brought back after a restart.
import { afterEach, describe, expect, test, vi } from "vitest";
import { NetError, type TcpStream } from "../../src/core/net/index.ts";
import type { Tunnel } from "../../src/tunnel/index.ts";
import { utf8 } from "./testbed.ts";
import { key, second, VirtualRelay } from "./virtual-relay.ts";

let world: VirtualRelay;
afterEach(async () => {
  vi.unstubAllGlobals();
  expect(await world.end()).toEqual({ sessions: 0, detached: 0, handshakes: 0, isIdle: true });
});

async function failing(work: Promise<unknown>): Promise<NetError> {
  const error = await world.clock.drive(
    work.then(
      () => new Error("It succeeded"),
      (reason: unknown) => reason,
    ),
  );
  if (!NetError.is(error)) throw error;
  return error;
}

interface Pair {
  readonly alice: Tunnel;
  readonly bob: Tunnel;
  readonly client: TcpStream;
  readonly server: TcpStream;
}

async function pair(): Promise<Pair> {
  const alice = await world.open("alice");
  const bob = await world.open("bob");
  const listener = await bob.bind(":7000");
  const [client, [server]] = await world.clock.drive(
    Promise.all([alice.connect("bob.peer:7000"), listener.accept()]),
  );
  return { alice, bob, client, server };
}

/** Its machine is gone: the link is lost and nothing is dialled any more. */
function strand(tunnel: Tunnel): void {
  world.isAway = true;
  tunnel.cutLink();
  (tunnel as unknown as { readonly links: { stop(): void } }).links.stop();
  world.isAway = false;
}

/** Both directions carry something. */
async function talk({ client, server }: Pick<Pair, "client" | "server">): Promise<void> {
  const [forth, back] = [utf8.encode("forth"), utf8.encode("back!")];
  const buffers = [new Uint8Array(5), new Uint8Array(5)];
  await world.clock.drive(
    Promise.all([
      client.writeAll(forth),
      server.writeAll(back),
      server.readExact(buffers[0]),
      client.readExact(buffers[1]),
    ]),
  );
  expect(buffers.map((bytes) => utf8.decode(bytes))).toEqual(["forth", "back!"]);
}

describe("A link that is lost", () => {
  test.each([1000, 1001, 1006, 1012, 4008])("with the code %i is dialled again at once", async (code) => {
    world = new VirtualRelay();
    const both = await pair();
    world.cut(code);
    await talk(both);
    expect(world.core.counters).toMatchObject({ sessionsOpened: 2, linksResumed: 2, sessionsReborn: 0 });
  });

  test("after hours without a word costs nothing", async () => {
    world = new VirtualRelay();
    const both = await pair();
    await world.pass(6 * 3_600_000);
    world.cut();
    await talk(both);
  });

  test("again and again within a round trip: the last one counts", async () => {
    world = new VirtualRelay();
    const both = await pair();
    for (let drops = 0; drops < 5; drops++) {
      world.cut();
      await world.pass(0);
    }
    await talk(both);
    expect(world.core.counters.sessionsOpened).toBe(2);
  });

  test.each([
    ["the challenge", 0],
    ["the welcome", 1],
    ["the first message after it", 2],
  ])("again with %s costs nothing: the ticket before it still counts", async (_what, lostAt) => {
    world = new VirtualRelay();
    const both = await pair();
    for (let drops = 0; drops < 3; drops++) {
      world.filters.push((message, index) => (index === lostAt ? null : message));
    }
    world.cut();
    await talk(both);
    expect(world.core.counters).toMatchObject({ sessionsOpened: 2, handshakeResumeRefused: 0 });
  });

  test("is dialled with pauses that grow to 15 s, and at once when the browser is online again", async () => {
    const wakers: (() => void)[] = [];
    vi.stubGlobal(
      "addEventListener",
      (name: string, wake: () => void) => name === "online" && wakers.push(wake),
    );
    let removed = 0;
    vi.stubGlobal("removeEventListener", () => removed++);
    world = new VirtualRelay();
    const tunnel = await world.open("alice");
    expect(wakers).toHaveLength(1);
    world.dialled.length = 0;
    world.isAway = true;
    const began = world.clock.now();
    world.cut();
    await world.pass(120_000);
    const pauses = world.dialled.map((at, index) => at - (world.dialled[index - 1] ?? began));
    expect(pauses[0]).toBeLessThan(1_000);
    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeLessThanOrEqual(Math.min(15_000_000, 250_000 * 2 ** index) + 1_000);
    }
    // Full jitter: half of the bound on the average.
    expect(pauses.length).toBeGreaterThan(12);
    expect(pauses.length).toBeLessThan(60);
    expect(tunnel.state.phase).toBe("detached");
    world.isAway = false;
    const before = world.clock.now();
    wakers[0]();
    await world.pass(1);
    expect(world.dialled.at(-1)).toBe(before);
    expect(tunnel.state.phase).toBe("open");
    await world.clock.drive(tunnel.close());
    expect(removed).toBeGreaterThan(0);
  });
});

describe("A browser's word of its network", () => {
  test.each([
    ["online", "visible", true],
    ["pageshow", "visible", true],
    ["visibilitychange", "visible", true],
    ["visibilitychange", "hidden", false],
  ])("%s, the page being %s, ends a pause: %s", async (name, visibilityState, isHeard) => {
    const page = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState });
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    vi.stubGlobal("document", document);
    world = new VirtualRelay();
    const tunnel = await world.open("alice");
    world.isAway = true;
    world.cut();
    await world.pass(120_000);
    world.isAway = false;
    world.dialled.length = 0;
    const before = world.clock.now();
    (name === "visibilitychange" ? document : page).dispatchEvent(new Event(name));
    await world.pass(0);
    expect(world.dialled).toEqual(isHeard ? [before] : []);
    await world.pass(16_000);
    expect(tunnel.state.phase).toBe("open");
  });

  class Connection extends EventTarget {
    type: string | undefined;

    becomes(type: string | undefined): void {
      this.type = type;
      this.dispatchEvent(new Event("change"));
    }
  }

  test("makes the tunnel look at once whether its link lives, and replace it when nothing comes back", async () => {
    const connection = new Connection();
    vi.stubGlobal("navigator", { connection });
    world = new VirtualRelay();
    let isDead = false;
    world.filters.push((message) => (isDead ? undefined : message));
    const tunnel = await world.open("alice");
    world.dialled.length = 0;
    // Estimates changed: it asks, is answered, and stays.
    connection.becomes(undefined);
    await world.pass(6_000);
    expect(world.dialled).toEqual([]);
    // A link that is dead without a word.
    isDead = true;
    const began = world.clock.now();
    connection.becomes(undefined);
    await world.pass(6_000);
    expect(world.dialled.map((at) => Math.round((at - began) / second))).toEqual([5]);
    expect(tunnel.state.phase).toBe("open");
  });

  test("that it is another one makes the tunnel roam: the new link first, then the old one goes", async () => {
    const connection = new Connection();
    connection.type = "wifi";
    vi.stubGlobal("navigator", { connection });
    world = new VirtualRelay();
    const both = await pair();
    const outages: string[] = [];
    for (const tunnel of [both.alice, both.bob]) {
      tunnel.addEventListener("detached", () => outages.push(tunnel.name));
    }
    world.dialled.length = 0;
    connection.becomes("cellular");
    await world.pass(100);
    expect(world.dialled).toHaveLength(2);
    connection.becomes("cellular");
    connection.becomes("none");
    await world.pass(100);
    expect(world.dialled).toHaveLength(2);
    expect(outages).toEqual([]);
    expect(world.core.counters).toMatchObject({ linksResumed: 2, sessionsDetached: 0 });
    await talk(both);
    connection.becomes("wifi");
    for (const tunnel of [both.alice, both.bob]) await world.clock.drive(tunnel.close());
    connection.becomes("ethernet");
    await world.pass(100);
    expect(world.dialled.length).toBeLessThanOrEqual(4);
  });
});

describe("While a tunnel has no link", () => {
  test("connect() waits for it, under its own timeout", async () => {
    world = new VirtualRelay();
    const alice = await world.open("alice");
    const bob = await world.open("bob");
    const listener = await bob.bind(":7000");
    world.isAway = true;
    world.cut();
    await world.pass(10);
    expect((await failing(alice.connect("bob.peer:7000", { timeout: 1_000 }))).code).toBe("ETIMEDOUT");
    const waiting = Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    await world.pass(60_000);
    world.isAway = false;
    const [client, [server]] = await world.clock.drive(waiting);
    await talk({ client, server });
  });

  test("those who dial it wait, and are accepted when it is back", async () => {
    world = new VirtualRelay();
    const bob = await world.open("bob");
    const listener = await bob.bind(":7000");
    world.isAway = true;
    world.cut();
    await world.pass(10);
    world.isAway = false;
    const alice = await world.open("alice");
    world.isAway = true;
    const waiting = Promise.all([alice.connect("bob.peer:7000"), listener.accept()]);
    await world.pass(30_000);
    expect(world.core.counters.peerAway).toBeGreaterThan(0);
    world.isAway = false;
    const [client, [server]] = await world.clock.drive(waiting);
    expect(server.peer?.name).toBe("alice");
    await talk({ client, server });
  });

  test("its name is kept for it: another subject is refused, its own may take over", async () => {
    world = new VirtualRelay({
      tokens: [
        { token: "a-token-of-some-length", subject: "ann" },
        { token: "another-token-of-length", subject: "bert" },
      ],
    });
    const alice = await world.open("alice", { token: "a-token-of-some-length" });
    strand(alice);
    await world.pass(240_000);
    expect(world.core.counters).toMatchObject({ sessions: 1, detached: 1 });
    const other = world.open("alice", { token: "another-token-of-length" });
    expect((await failing(other)).code).toBe("EADDRINUSE");
    const again = await world.open("alice", { token: "a-token-of-some-length" });
    expect(again.name).toBe("alice");
    expect(world.core.counters).toMatchObject({ sessions: 1, detached: 0, sessionsTakenOver: 1 });
  });

  test("the streams of its peers stand still: nothing is resent, and no timeout counts", async () => {
    world = new VirtualRelay();
    const both = await pair();
    world.isAway = true;
    world.cut();
    await world.pass(10);
    await world.clock.drive(both.client.writeAll(utf8.encode("early")));
    await world.pass(240_000);
    expect(both.client.info()).toMatchObject({ state: "ESTABLISHED", retransmits: 0, frozen: true });
    world.isAway = false;
    await world.clock.drive(both.server.readExact(new Uint8Array(5)));
    await talk(both);
    expect(both.client.info().retransmits).toBeLessThanOrEqual(1);
  });
});

/** Alice's older tunnel, which was away when a newer one took its name and comes back now; and that one. */
async function takenOver() {
  world = new VirtualRelay();
  const older = await world.open("alice");
  world.isAway = true;
  world.cut();
  await world.pass(10);
  world.isAway = false;
  return [older, await world.open("alice")] as const;
}

describe("The end of a session's time", () => {
  test("is one coded error at both ends, and at its peers", async () => {
    world = new VirtualRelay({ limits: { grace: 10_000 } });
    const { alice, client, server } = await pair();
    const read = server.read(new Uint8Array(1)).catch((error: unknown) => error);
    strand(alice);
    await world.pass(1);
    expect(world.core.counters).toMatchObject({ sessions: 2, detached: 1 });
    await world.pass(9_000);
    expect(world.core.counters).toMatchObject({ sessions: 2, detached: 1, sessionsExpired: 0 });
    await world.pass(2_000);
    expect(world.core.counters).toMatchObject({ sessions: 1, detached: 0, sessionsExpired: 1 });
    expect(await read).toMatchObject({ code: "ECONNRESET" });
    await world.pass(10_000);
    expect(alice.state).toMatchObject({ phase: "closed", error: { code: "ERR_SESSION_EXPIRED" } });
    expect((await failing(client.read(new Uint8Array(1)))).code).toBe("ERR_SESSION_EXPIRED");
    expect((await failing(alice.closed)).code).toBe("ERR_SESSION_EXPIRED");
    expect((await failing(alice.connect("bob.peer:7000"))).code).toBe("ERR_SESSION_EXPIRED");
  });

  test("is told to a client whose name a newer one took meanwhile, so that it does not take it back", async () => {
    const [older, newer] = await takenOver();
    expect(await failing(older.closed)).toMatchObject({
      code: "ERR_NAME_TAKEN",
      message: expect.stringContaining("a newer tunnel has taken the name alice"),
    });
    expect(newer.state.phase).toBe("open");
  });

  test("is told to a client whose name was taken and is free again as to any other", async () => {
    const [older, newer] = await takenOver();
    world.isAway = true;
    await world.clock.drive(newer.close());
    await world.pass(10);
    world.isAway = false;
    expect((await failing(older.closed)).code).toBe("ERR_SESSION_EXPIRED");
  });

  test("is told to a client that reaches no relay, with the failure of its last attempt", async () => {
    world = new VirtualRelay({ limits: { grace: 1_000 } });
    const tunnel = await world.open("alice");
    world.isAway = true;
    world.cut();
    await world.pass(12_000);
    expect(tunnel.state.error).toMatchObject({
      code: "ERR_SESSION_EXPIRED",
      message: "The tunnel has ended: no relay could be reached for 1000 ms",
      cause: { code: "ECONNREFUSED" },
    });
  });

  test("is told to a client that comes later", async () => {
    world = new VirtualRelay({ key, limits: { grace: 1_000 } });
    const tunnel = await world.open("alice");
    world.isAway = true;
    world.cut();
    await world.pass(1_500);
    expect(world.core.counters.sessions).toBe(0);
    world.isAway = false;
    expect((await failing(tunnel.closed)).code).toBe("ERR_SESSION_EXPIRED");
    expect(world.core.counters).toMatchObject({ handshakeResumeRefused: 1, sessionsReborn: 0 });
  });

  test("comes earlier for the longest-detached when they hold too much memory", async () => {
    // Two fit, at 16 KiB each without streams.
    world = new VirtualRelay({ limits: { detachedMemory: 40_000 } });
    for (const name of ["a", "b", "c"]) {
      strand(await world.open(name));
      await world.pass(10);
    }
    expect(world.core.counters).toMatchObject({ sessions: 2, detached: 2, sessionsEvicted: 1 });
    expect(world.core.sessions.map(({ name }) => name)).toEqual(["b", "c"]);
  });

  test("comes earlier for the longest-detached when somebody needs the room", async () => {
    world = new VirtualRelay({ limits: { sessions: 2 } });
    const a = await world.open("a");
    strand(a);
    await world.pass(10);
    await world.open("b");
    await world.open("c");
    expect(world.core.sessions.map(({ name }) => name)).toEqual(["b", "c"]);
    expect(world.core.counters).toMatchObject({ sessionsEvicted: 1, detached: 0 });
    expect((await failing(world.open("d"))).code).toBe("ERR_LIMIT");
  });
});

describe("A relay that was started anew with its key", () => {
  test("takes sessions back by name and address, and streams between them go on", async () => {
    world = new VirtualRelay({ key });
    const both = await pair();
    const { address } = both.alice;
    world.restart();
    await talk(both);
    expect(world.core.counters).toMatchObject({ sessionsReborn: 2, sessions: 2 });
    expect(world.core.sessions.map(({ name }) => name).sort()).toEqual(["alice", "bob"]);
    expect(both.alice.address).toBe(address);
    world.cut();
    await talk(both);
  });

  test("takes back names that it made up, and a welcome that is lost costs nothing", async () => {
    world = new VirtualRelay({
      key,
      tokens: [{ token: "a-token-of-some-length", subject: "ann", names: ["x"] }],
    });
    const tunnel = await world.open(undefined, { token: "a-token-of-some-length" });
    const seen: (boolean | undefined)[] = [];
    tunnel.addEventListener("resumed", ({ survived }) => seen.push(survived));
    world.filters.push((message, index) => (index === 1 ? null : message));
    world.restart();
    await world.pass(20_000);
    expect(tunnel.state.phase).toBe("open");
    // The relay has a state since the first attempt; the client, which did not hear of it, begins anew all the same.
    expect(seen).toEqual([false]);
    expect(world.core.counters).toMatchObject({ sessionsReborn: 1, linksResumed: 1 });
    const listener = await tunnel.bind(":80");
    const other = await world.open("x", { token: "a-token-of-some-length" });
    const [client, [server]] = await world.clock.drive(
      Promise.all([other.connect(`${tunnel.name}.peer:80`), listener.accept()]),
    );
    await talk({ client, server });
  });

  test("lets those who come first wait for the others, for one grace period", async () => {
    world = new VirtualRelay({ key, limits: { grace: 20_000 } });
    await world.pass(30_000);
    const alice = await world.open("alice");
    expect((await failing(alice.connect("nobody.peer:1"))).code).toBe("EHOSTUNREACH");
    world.restart();
    await world.pass(1_000);
    expect((await failing(alice.connect("nobody.peer:1", { timeout: 5_000 }))).code).toBe("ETIMEDOUT");
    const late = alice.connect("bob.peer:7000");
    const bob = await world.open("bob");
    const listener = await bob.bind(":7000");
    const [client, [server]] = await world.clock.drive(Promise.all([late, listener.accept()]));
    await talk({ client, server });
    const began = world.clock.now();
    expect((await failing(alice.connect("nobody.peer:1"))).code).toBe("EHOSTUNREACH");
    expect(world.clock.now() - began).toBeGreaterThan(1_000_000);
    expect((await failing(alice.connect("nobody.peer:2"))).code).toBe("EHOSTUNREACH");
  });

  test("takes no session back whose ticket is too old, or whose name is taken", async () => {
    world = new VirtualRelay({ key });
    const old = await world.open("old");
    const taken = await world.open("taken");
    world.isAway = true;
    world.restart();
    await world.pass(10);
    world.isAway = false;
    world.wallTime += 8 * 86_400_000;
    expect((await failing(old.closed)).code).toBe("ERR_SESSION_EXPIRED");
    world.wallTime -= 8 * 86_400_000;
    await world.open("taken");
    await world.pass(20_000);
    expect(taken.state.phase).toBe("closed");
  });

  test("without it does not know them, and says so", async () => {
    world = new VirtualRelay();
    const tunnel = await world.open("alice");
    world.restart();
    expect((await failing(tunnel.closed)).code).toBe("ERR_SESSION_EXPIRED");
  });

  test("takes two hundred back at once", async () => {
    world = new VirtualRelay({ key });
    const tunnels: Tunnel[] = [];
    for (let index = 0; index < 200; index++) tunnels.push(await world.open(`t${index}`));
    world.restart();
    await world.pass(60_000);
    expect(tunnels.every(({ state }) => state.phase === "open")).toBe(true);
    expect(world.core.counters).toMatchObject({ sessions: 200, sessionsReborn: 200, handshakes: 0 });
  });
});

describe("A relay that goes", () => {
  test("sends clients away within the spread, and ends no session of theirs", async () => {
    world = new VirtualRelay({ key });
    const both = await pair();
    const drained = world.core.drain({ spread: 1_000 });
    const before = world.clock.now();
    world.isAway = true;
    await world.clock.drive(drained);
    expect(world.clock.now() - before).toBeLessThanOrEqual(1_100_000);
    expect(world.core.counters).toMatchObject({ sessions: 0, detached: 0 });
    expect([both.alice.state.phase, both.bob.state.phase]).toEqual(["detached", "detached"]);
    world.isAway = false;
    world.restart();
    await talk(both);
  });

  test("waits no longer than it says", async () => {
    world = new VirtualRelay({ key });
    const tunnel = await world.open("alice");
    const drained = world.core.drain({ spread: 60_000, timeout: 500 });
    const before = world.clock.now();
    world.isAway = true;
    await world.clock.drive(drained);
    expect(world.clock.now() - before).toBeLessThanOrEqual(501_000);
    await world.pass(10);
    expect(tunnel.state.phase).toBe("detached");
  });
});
