// Contract: accepting in order, giving up without loss, the two iterators, closing.

import { bytesEqual, equal, ok, rejection, rejectsWith } from "./assert.ts";
import type { Chapter } from "./suite.ts";
import { pattern, readBytes, settle } from "./world.ts";

export function accepting({ test }: Chapter): void {
  test("any number of accepts may be pending, first come first served", async (place) => {
    const listener = await place.listen();
    const order: number[] = [];
    const accepts = [0, 1, 2].map(async (index) => {
      const stream = await place.accept(listener);
      order.push(index);
      return stream;
    });
    const clients = [];
    for (let index = 0; index < 3; index++) {
      const client = await place.dial(listener);
      await client.writeAll(new Uint8Array([index]));
      clients.push(client);
    }
    const servers = await Promise.all(accepts);
    equal(order.join(), "0,1,2", "order of the accepts");
    for (const [index, server] of servers.entries()) {
      equal((await readBytes(server, 1))[0], index, `the stream of accept ${index}`);
    }
  });

  test("connections wait until they are accepted, with what they sent", async (place) => {
    const listener = await place.listen();
    const clients = await Promise.all([1, 2, 3].map(() => place.dial(listener)));
    await Promise.all(clients.map((client) => client.writeAll(pattern(100))));
    await settle();
    for (let index = 0; index < 3; index++) {
      bytesEqual(await readBytes(await place.accept(listener), 100), pattern(100), "bytes");
    }
  });

  test("an aborted accept rejects with the reason and loses no connection", async (place) => {
    const listener = await place.listen();
    const controller = new AbortController();
    const given = rejection(listener.accept({ signal: controller.signal }), "the aborted accept");
    const waiting = place.accept(listener);
    controller.abort("enough");
    equal(await given, "enough", "reason");
    const client = await place.dial(listener);
    await client.writeAll(pattern(5));
    bytesEqual(await readBytes(await waiting, 5), pattern(5), "bytes");
  });

  test("a timed-out accept loses no connection and leaves the listener usable", async (place) => {
    const listener = await place.listen();
    await rejectsWith(listener.accept({ timeout: 20 }), "ETIMEDOUT", "accept", "accept");
    const client = await place.dial(listener);
    const server = await place.accept(listener);
    await server.writeAll(pattern(5));
    bytesEqual(await readBytes(client, 5), pattern(5), "bytes");
  });

  test("close rejects pending and later accepts with ERR_SOCKET_CLOSED and resolves closed", async (place) => {
    const listener = await place.listen();
    const pending = [listener.accept(), listener.accept()].map((accept) =>
      rejectsWith(accept, "ERR_SOCKET_CLOSED", "a pending accept", "accept"),
    );
    await listener.close();
    await Promise.all(pending);
    await listener.closed;
    await rejectsWith(listener.accept(), "ERR_SOCKET_CLOSED", "a later accept", "accept");
  });

  test("closing a listener twice, and at the same time, is no error", async (place) => {
    const listener = await place.listen();
    await Promise.all([listener.close(), listener.close()]);
    await listener.close();
  });

  test("a closed listener leaves its accepted streams alone", async (place) => {
    const { client, server, listener } = await place.connect();
    await listener.close();
    await client.writeAll(pattern(100));
    bytesEqual(await readBytes(server, 100), pattern(100), "bytes");
  });

  test("for await over a listener owns it: leaving the loop closes it", async (place) => {
    const listener = await place.listen();
    const client = place.dial(listener);
    for await (const stream of listener) {
      place.keep(stream);
      break;
    }
    await client;
    await listener.closed;
    await rejectsWith(listener.accept(), "ERR_SOCKET_CLOSED", "accept");
  });

  test("incoming() borrows: leaving the loop leaves the listener open", async (place) => {
    const listener = await place.listen();
    for (let round = 0; round < 2; round++) {
      const client = place.dial(listener);
      for await (const stream of listener.incoming()) {
        place.keep(stream);
        break;
      }
      await client;
    }
    await place.dial(listener);
    await place.accept(listener);
  });

  test("loops over a listener end quietly when it is closed", async (place) => {
    const listener = await place.listen();
    const loops = [listener[Symbol.asyncIterator](), listener.incoming()].map(async (iterator) => {
      let count = 0;
      for await (const stream of iterator) {
        place.keep(stream);
        count++;
      }
      return count;
    });
    await place.dial(listener);
    await place.dial(listener);
    await settle();
    await listener.close();
    const counts = await Promise.all(loops);
    equal(counts[0] + counts[1], 2, "connections seen by the loops");
  });

  test("an aborted incoming() rejects with the reason", async (place) => {
    const listener = await place.listen();
    const controller = new AbortController();
    const next = listener.incoming({ signal: controller.signal }).next();
    controller.abort("stop");
    equal(await rejection(next, "next"), "stop", "reason");
    const [client, server] = await Promise.all([place.dial(listener), place.accept(listener)]);
    ok(client !== server, "the listener goes on");
  });

  test("a listener is disposed of by closing it", async (place) => {
    const listener = await place.listen();
    const dispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
    await listener[dispose]();
    await listener.closed;
  });

  test("ref and unref of a listener and a stream return the object", async (place) => {
    const { client, listener } = await place.connect();
    equal(listener.unref().ref(), listener, "listener");
    equal(client.unref().ref(), client, "stream");
  });
}
