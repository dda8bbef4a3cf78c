import { describe, expect, it } from "vitest";
import { happyEyeballs, interleaveFamilies, NetError, SocketAddr } from "../../../src/core/net/index.ts";

/** Attempts and delays that the test settles by hand. */
class Bench {
  readonly dials: Array<{
    address: string;
    signal: AbortSignal;
    resolve(name: string): void;
    reject(e: unknown): void;
  }> = [];
  readonly delays: Array<{ milliseconds: number; pass(): void }> = [];
  readonly discarded: string[] = [];

  run(addresses: string[], signal?: AbortSignal): Promise<string> {
    return happyEyeballs<string, string>({
      addresses,
      target: "db.internal:5432",
      signal,
      dial: (address, attempt) =>
        new Promise((resolve, reject) => this.dials.push({ address, signal: attempt, resolve, reject })),
      discard: (late) => this.discarded.push(late),
      delay: (milliseconds) => new Promise((resolve) => this.delays.push({ milliseconds, pass: resolve })),
    });
  }

  get dialled(): string {
    return this.dials.map(({ address }) => address).join();
  }
}

const refused = (): NetError => new NetError("ECONNREFUSED", "Refused");
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe("happyEyeballs()", () => {
  it("dials the first address alone and starts the next one after 250 ms without ending the first", async () => {
    const bench = new Bench();
    const result = bench.run(["a", "b"]);
    expect(bench.dialled).toBe("a");
    expect(bench.delays[0].milliseconds).toBe(250);
    bench.delays[0].pass();
    await turn();
    expect(bench.dialled).toBe("a,b");
    expect(bench.dials[0].signal.aborted).toBe(false);
    bench.dials[0].resolve("a is slow but first");
    expect(await result).toBe("a is slow but first");
  });

  it("ends the losers, not the winner, and discards what they bring too late", async () => {
    const bench = new Bench();
    const result = bench.run(["a", "b", "c"]);
    bench.delays[0].pass();
    await turn();
    bench.dials[1].resolve("b");
    expect(await result).toBe("b");
    expect(bench.dials.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    bench.dials[0].resolve("late a");
    bench.delays[1].pass();
    await turn();
    expect(bench.discarded).toEqual(["late a"]);
    expect(bench.dialled).toBe("a,b");
  });

  it("starts the next address at once when one fails, and only once", async () => {
    const bench = new Bench();
    const result = bench.run(["a", "b", "c"]);
    bench.dials[0].reject(refused());
    await turn();
    expect(bench.dialled).toBe("a,b");
    bench.delays[0].pass();
    await turn();
    expect(bench.dialled).toBe("a,b");
    bench.delays[1].pass();
    await turn();
    expect(bench.dialled).toBe("a,b,c");
    bench.dials[2].resolve("c");
    expect(await result).toBe("c");
  });

  it("tells all failures in one error, with the code of the last", async () => {
    const bench = new Bench();
    const result = bench.run(["a", "b"]).catch((error: unknown) => error);
    const errors = [new NetError("EHOSTUNREACH", "No way"), refused()];
    bench.dials[0].reject(errors[0]);
    await turn();
    bench.dials[1].reject(errors[1]);
    const error = await result;
    expect(error).toMatchObject({
      name: "NetError",
      code: "ECONNREFUSED",
      op: "connect",
      message: "Cannot connect to db.internal:5432: all 2 addresses failed, the last one: connection refused",
    });
    expect((error as NetError).cause).toBeInstanceOf(AggregateError);
    expect(((error as NetError).cause as AggregateError).errors).toEqual(errors);
  });

  it("passes the error of a single address on as it is", async () => {
    const bench = new Bench();
    const result = bench.run(["a"]).catch((error: unknown) => error);
    const error = refused();
    bench.dials[0].reject(error);
    expect(await result).toBe(error);
    expect(bench.delays).toHaveLength(0);
  });

  it("rejects without addresses, and turns a dial that throws into a failure", async () => {
    await expect(new Bench().run([])).rejects.toMatchObject({
      code: "ENOTFOUND",
      message: "Cannot connect to db.internal:5432: the name has no addresses",
    });
    const thrown = happyEyeballs({
      addresses: ["a"],
      target: "a",
      dial: () => {
        throw refused();
      },
      discard: () => undefined,
      delay: () => Promise.resolve(),
    });
    await expect(thrown).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("rejects with the reason of its signal and ends every attempt with it", async () => {
    const bench = new Bench();
    const controller = new AbortController();
    const result = bench.run(["a", "b"], controller.signal);
    bench.delays[0].pass();
    await turn();
    controller.abort("enough");
    await expect(result).rejects.toBe("enough");
    expect(bench.dials.map(({ signal }) => signal.reason)).toEqual(["enough", "enough"]);
    bench.dials[0].resolve("late");
    bench.dials[1].reject(refused());
    await turn();
    expect(bench.discarded).toEqual(["late"]);
    await expect(bench.run(["a"], AbortSignal.abort("before"))).rejects.toBe("before");
  });

  it("takes families in turn, the first one's first, each in its order", () => {
    const addresses = ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"].map((text) =>
      SocketAddr.parse(text),
    );
    expect(interleaveFamilies(addresses).join()).toBe("[::1]:1,10.0.0.1:1,[::2]:1,10.0.0.2:1,[::3]:1");
    expect(
      interleaveFamilies(addresses.reverse())
        .map(({ family }) => family)
        .join(),
    ).toBe("IPv4,IPv6,IPv4,IPv6,IPv6");
    expect(interleaveFamilies([])).toEqual([]);
  });
});
