// pg (node-postgres) over streams: against a scripted server, and a real PostgreSQL where the machine has one.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeNetwork, toDuplex } from "../../src/adapters/node/index.ts";
import { load } from "../runtimes/index.ts";
import { bridges } from "./bridge.ts";
import { type RealPostgres, startPostgres } from "./real-postgres.ts";
import { servePostgres } from "./scripted-postgres.ts";

const { Client, Pool } = load("pg");

describe.each(bridges)("pg over $name, with a scripted server", ({ open }) => {
  test("logs in, queries, ends", async () => {
    const bridge = open();
    const addr = await bridge.listen(servePostgres);
    const client = new Client({ user: "tester", database: "test", stream: () => bridge.dial(addr) });
    await client.connect();
    expect((await client.query("select 1")).rows).toEqual([{ query: "select 1" }]);
    const long = `select '${"x".repeat(300_000)}'`;
    expect((await client.query(long)).rows).toEqual([{ query: long }]);
    await client.end();
    await bridge.close();
  });

  test("a connection that is reset fails the query with ECONNRESET", async () => {
    const bridge = open();
    const addr = await bridge.listen((socket) => {
      servePostgres(socket);
      socket.on("data", (chunk: Buffer) => {
        if (chunk.includes("select")) socket.resetAndDestroy();
      });
    });
    const client = new Client({ user: "tester", database: "test", stream: () => bridge.dial(addr) });
    client.on("error", () => {});
    await client.connect();
    await expect(client.query("select 1")).rejects.toMatchObject({
      code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/),
    });
    await bridge.close();
  });

  test("a connection that is refused fails connect() with ECONNREFUSED", async () => {
    const bridge = open();
    const addr = await bridge.listen(() => {});
    await bridge.close();
    const again = open();
    const client = new Client({ user: "tester", database: "test", stream: () => again.dial(addr) });
    await expect(client.connect()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await again.close();
  });
});

describe("pg over the system's sockets, with a real PostgreSQL", () => {
  let postgres: RealPostgres | undefined;

  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres?.close());

  test("a pool runs transactions and gets large results", async (context) => {
    const server = postgres;
    if (server === undefined) return context.skip("initdb and postgres are not installed");
    const stream = () => toDuplex(nodeNetwork.connect({ hostname: "127.0.0.1", port: server.port }));
    const pool = new Pool({ user: "tester", database: "postgres", max: 3, stream });
    try {
      await pool.query("create table numbers (number integer, label text)");
      const client = await pool.connect();
      await client.query("begin");
      await client.query("insert into numbers select n, repeat('x', 1000) from generate_series(1, 2000) n");
      await client.query("commit");
      client.release();
      const results = await Promise.all(
        [1, 2, 3, 4].map(() => pool.query("select number, label from numbers order by number")),
      );
      for (const { rows } of results) {
        expect(rows.length).toBe(2000);
        expect(rows.at(-1)).toEqual({ number: 2000, label: "x".repeat(1000) });
      }
      await expect(pool.query("select broken")).rejects.toMatchObject({ code: "42703" });
    } finally {
      await pool.end();
    }
  });
});
