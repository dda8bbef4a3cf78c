// A connection brought into a given state by a script, for rules that are to hold in each of them.

import { expect } from "vitest";
import type { Connection, TcpState } from "../../../src/core/stack/index.ts";
import type { Script } from "./script.ts";

/** States between the handshake and TIME-WAIT. */
export const SYNCHRONIZED = [
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
] as const;

/** The peer's next number is `s.peerNext`, ours `s.heard`; nothing is left to be looked at. */
export function inState(s: Script, state: TcpState): Connection {
  if (state === "SYN-SENT") {
    const dialling = s.connect();
    s.expect("S");
    return dialling;
  }
  if (state === "SYN-RECEIVED") {
    s.listen();
    s.send("S");
    s.expect("SA");
    return [...s.stack.connections()][0];
  }
  const connection = s.accepted();
  switch (state) {
    case "FIN-WAIT-1":
      s.finish(connection);
      s.expect("FA", { seq: 1 });
      break;
    case "FIN-WAIT-2":
      s.finish(connection);
      s.expect("FA", { seq: 1 });
      s.send("A", { ack: 2 });
      break;
    case "CLOSE-WAIT":
      s.send("FA");
      s.expect("A", { ack: 2 });
      break;
    case "CLOSING":
      s.finish(connection);
      s.expect("FA", { seq: 1 });
      s.send("FA", { ack: 1 });
      s.expect("A", { seq: 2, ack: 2 });
      break;
    case "LAST-ACK":
      s.send("FA");
      s.expect("A", { ack: 2 });
      s.finish(connection);
      s.expect("FA", { seq: 1 });
      break;
    case "TIME-WAIT":
      s.finish(connection);
      s.expect("FA", { seq: 1 });
      s.send("FA", { ack: 2 });
      s.expect("A", { seq: 2, ack: 2 });
      break;
    default:
      break;
  }
  s.nothing();
  expect(connection.state).toBe(state);
  connection.takeEvents();
  return connection;
}
