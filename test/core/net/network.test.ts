import { afterEach, describe, expect, it } from "vitest";
import { bounded, NetError, setDefaultNetwork, TcpListener, TcpStream } from "../../../src/core/net/index.ts";
import { MemoryNetwork } from "./memory-network.ts";
import { VirtualTimers } from "./virtual-timers.ts";

afterEach(() => setDefaultNetwork(null));

describe("the default network", () => {
  it("carries calls that name no network", async () => {
    setDefaultNetwork(new MemoryNetwork());
    const listener = await TcpListener.bind("127.0.0.1:0");
    const [client, [server]] = await Promise.all([TcpStream.connect(listener.localAddr), listener.accept()]);
    expect(server.peerAddr.equals(client.localAddr)).toBe(true);
  });

  it("is passed over by calls that name one", async () => {
    setDefaultNetwork(new MemoryNetwork());
    const network = new MemoryNetwork();
    const listener = await TcpListener.bind("127.0.0.1:0", { network });
    await expect(TcpStream.connect(listener.localAddr)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await TcpStream.connect(listener.localAddr, { network });
  });

  it("is missing in a browser, and the error says what to do", async () => {
    const expected = {
      code: "ENOTSUP",
      message:
        "This runtime has no TCP sockets: open a Tunnel and pass it as { network }, or call tunnel.connect and tunnel.bind",
    };
    await expect(TcpStream.connect("example.com:80")).rejects.toMatchObject(expected);
    await expect(TcpListener.bind(":80")).rejects.toMatchObject(expected);
  });
});

describe("bounded()", () => {
  const expired = (): NetError => new NetError("ETIMEDOUT", "Too late");

  it("gives the result of the work, and gives its timer up", async () => {
    const timers = new VirtualTimers();
    const options = { timeout: 100, expired, discard: () => expect.fail("Nothing is late"), timers };
    expect(await bounded(options, () => Promise.resolve(7))).toBe(7);
    await expect(bounded(options, () => Promise.reject(new Error("No")))).rejects.toThrow("No");
    await expect(
      bounded(options, () => {
        throw new Error("At once");
      }),
    ).rejects.toThrow("At once");
    expect(timers.active).toBe(0);
  });

  it("gives up after the timeout, tells the work and discards what comes later", async () => {
    const timers = new VirtualTimers();
    const late: number[] = [];
    let finish: (value: number) => void = () => undefined;
    let told: unknown;
    const result = bounded(
      { timeout: 100, expired, discard: (value: number) => late.push(value), timers },
      (signal) => {
        signal?.addEventListener("abort", () => {
          told = signal.reason;
        });
        return new Promise<number>((resolve) => {
          finish = resolve;
        });
      },
    ).catch((error: unknown) => error);
    await timers.pass(100);
    const error = await result;
    expect(error).toMatchObject({ code: "ETIMEDOUT" });
    expect(told).toBe(error);
    finish(7);
    await timers.pass(0);
    expect(late).toEqual([7]);
  });

  it("gives up with the reason of the signal, also before the work begins", async () => {
    const controller = new AbortController();
    const options = { signal: controller.signal, expired, discard: () => undefined };
    const result = bounded(options, () => new Promise(() => undefined));
    controller.abort("enough");
    await expect(result).rejects.toBe("enough");
    await expect(bounded(options, () => expect.fail("Begun"))).rejects.toBe("enough");
  });

  it("gives the work the caller's own signal, one of its own beside a timeout, and none without either", async () => {
    const { signal } = new AbortController();
    const given: (AbortSignal | undefined)[] = [];
    const work = (each: AbortSignal | undefined): Promise<void> => {
      given.push(each);
      return Promise.resolve();
    };
    const rest = { expired, discard: () => undefined, timers: new VirtualTimers() };
    await bounded({ ...rest, signal }, work);
    await bounded({ ...rest, timeout: 100 }, work);
    await bounded(rest, work);
    expect(given[0]).toBe(signal);
    expect(given[1]).toBeInstanceOf(AbortSignal);
    expect(given[2]).toBeUndefined();
  });

  it("swallows the failure of work that was given up", async () => {
    const controller = new AbortController();
    const result = bounded(
      { signal: controller.signal, expired, discard: () => undefined },
      (signal) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("Ended")));
        }),
    );
    controller.abort("enough");
    await expect(result).rejects.toBe("enough");
  });
});
