// The forwarder: a SYN to anywhere is a request that somebody decides on (gVisor's forwarder), before the handshake goes
// on.

import { describe, expect } from "vitest";
import { IpAddress } from "../../../src/core/wire/ip-address.ts";
import { Flag, TcpSegment } from "../../../src/core/wire/tcp-segment.ts";
import { buildPacket, Event, MINUTE, SECOND, scenario } from "../tcp/script.ts";

const anywhere = { stack: { anyDestination: true } };

describe("a forward request", () => {
  scenario(
    "says nothing until it is admitted",
    (s) => {
      s.send("S", { mss: 1460 });
      s.nothing();
      const request = s.request();
      expect(request.connection).toMatchObject({ state: "SYN-RECEIVED", localPort: 80, remotePort: 40_000 });
      // The dialler asks again meanwhile.
      for (let count = 0; count < 3; count++) {
        s.pass(SECOND);
        s.send("S", { seq: 0 });
      }
      s.nothing();
      expect(s.stack.takeRequest()).toBeNull();
      expect(s.stack.admit(s.now, request)).toBe(true);
      s.flush();
      s.expect("SA", { seq: 0, ack: 1 });
      s.send("A", { ack: 1, data: 10 });
      s.expect("A", { ack: 11 });
      expect(request.connection.state).toBe("ESTABLISHED");
      expect(request.connection.takeEvents() & Event.connected).toBe(Event.connected);
    },
    anywhere,
  );

  scenario(
    "may bring options: buffers count for the window that the SYN-ACK offers",
    (s) => {
      s.send("S", { mss: 1460, scale: 7 });
      const request = s.request();
      s.stack.admit(s.now, request, { receiveBuffer: 16 << 20 });
      s.flush();
      s.expect("SA", { scale: 9 });
    },
    anywhere,
  );

  scenario(
    "keeps what was set before it was admitted",
    (s) => {
      s.send("S");
      const request = s.request();
      const { connection } = request;
      connection.setOptions(s.now, { hopLimit: 33 });
      s.stack.admit(s.now, request, { noDelay: true });
      expect(connection.options).toMatchObject({ hopLimit: 33, noDelay: true });
    },
    anywhere,
  );

  scenario(
    "cannot be completed by an ACK before its SYN-ACK has left",
    (s) => {
      s.send("S");
      const request = s.request();
      s.send("A", { ack: 1 });
      s.expect("R", { seq: 1 });
      expect(request.connection.state).toBe("SYN-RECEIVED");
    },
    anywhere,
  );

  scenario(
    "refused with a reset is ECONNREFUSED at the dialler",
    (s) => {
      s.send("S");
      s.stack.refuse(s.now, s.request(), "reset");
      s.flush();
      s.expect("RA", { ack: 1 });
      expect(s.stack.connectionCount).toBe(0);
    },
    anywhere,
  );

  for (const [how, type, code] of [
    ["host-unreachable", 3, 1],
    ["net-unreachable", 3, 0],
    ["prohibited", 3, 13],
  ] as const) {
    scenario(
      `refused as ${how} is an ICMP error that quotes the SYN (RFC 792)`,
      (s) => {
        s.send("S");
        s.stack.refuse(s.now, s.request(), how);
        s.flush();
        const [error] = s.take();
        expect(error.protocol).toBe(1);
        expect([...error.bytes.slice(20, 22)]).toEqual([type, code]);
        expect([...error.bytes.slice(28, 48)].length).toBe(20);
        expect(s.stack.connectionCount).toBe(0);
      },
      anywhere,
    );
  }

  scenario(
    "refused silently is as if nobody had seen it; the SYN may come again",
    (s) => {
      s.send("S", { seq: 0 });
      s.stack.refuse(s.now, s.request(), "silent");
      s.nothing();
      s.send("S", { seq: 0 });
      expect(s.request().connection.state).toBe("SYN-RECEIVED");
    },
    anywhere,
  );

  scenario(
    "is over when the dialler resets it, and can then neither be admitted nor refused",
    (s) => {
      s.send("S");
      const request = s.request();
      s.send("R", { seq: 1 });
      s.nothing();
      expect(request.connection.takeEvents() & Event.closed).toBe(Event.closed);
      expect(s.stack.admit(s.now, request)).toBe(false);
      s.stack.refuse(s.now, request, "reset");
      s.stack.refuse(s.now, request, "host-unreachable");
      s.flush();
      s.nothing();
      expect(s.stack.connectionCount).toBe(0);
    },
    anywhere,
  );

  scenario(
    "that was admitted is resent like any SYN-ACK, and gives up like it",
    (s) => {
      s.send("S");
      const request = s.request();
      s.stack.admit(s.now, request);
      s.pass(2 * MINUTE);
      expect(s.take().length).toBe(6);
      expect(request.connection.state).toBe("CLOSED");
      expect(s.stack.connectionCount).toBe(0);
    },
    anywhere,
  );

  scenario(
    "is bounded with the half-open connections",
    (s) => {
      for (let port = 1000; port < 1010; port++) {
        const segment = new TcpSegment();
        Object.assign(segment, { sourcePort: port, destinationPort: 80, flags: Flag.syn });
        s.inject(buildPacket(s.remote, s.local, segment, new Uint8Array(0)));
      }
      let requests = 0;
      while (s.stack.takeRequest() !== null) requests++;
      expect(requests).toBe(3);
      expect(s.stack.counters.synDropped).toBe(7);
    },
    { stack: { anyDestination: true, limits: { halfOpen: 3 } } },
  );

  scenario(
    "goes to any address but those of many hosts or none (RFC 1122 §4.2.3.10)",
    (s) => {
      const segment = new TcpSegment();
      Object.assign(segment, { sourcePort: 1000, destinationPort: 443, flags: Flag.syn });
      for (const text of ["224.0.0.1", "255.255.255.255", "0.0.0.0"]) {
        s.inject(buildPacket(s.remote, IpAddress.parse(text) as IpAddress, segment, new Uint8Array(0)));
        s.nothing();
        expect(s.stack.takeRequest()).toBeNull();
      }
      const there = IpAddress.parse("93.184.216.34") as IpAddress;
      s.inject(buildPacket(s.remote, there, segment, new Uint8Array(0)));
      expect(s.request().connection.local.equals(there)).toBe(true);
    },
    anywhere,
  );

  scenario(
    "a listener comes first",
    (s) => {
      const listener = s.listen();
      s.send("S");
      s.expect("SA");
      expect(s.stack.takeRequest()).toBeNull();
      expect(listener.handshakes.size).toBe(1);
    },
    anywhere,
  );
});
