// ICMP for this host: echo requests are answered; errors go to the connection whose segment they quote, which decides
// what they mean to it (RFC 1122 §4.2.3.9, RFC 5461, RFC 5927).

import type { CloseReason, Connection } from "../tcp/connection.ts";
import { pathTooSmall, unreachable } from "../tcp/outage.ts";
import { headerLength } from "../tcp/pmtu.ts";
import type { IcmpMessage } from "../wire/icmp.ts";
import { seqDifference } from "../wire/seq.ts";

/** An ICMP error quotes a segment of this connection. */
export function icmpError(connection: Connection, now: number, message: IcmpMessage): void {
  const { sending } = connection;
  const offset = sending.next + seqDifference(message.quoted.seq, sending.seq(sending.next));
  if (message.kind === "too-big") {
    const headers = headerLength(connection.remote.family);
    const smallest = connection.remote.family === 4 ? 576 : 1280;
    // A path below the minimum of its protocol is a lie (RFC 8201 §4, RFC 5927 §7).
    pathTooSmall(connection, now, offset, Math.max(message.mtu, smallest) - headers);
    return;
  }
  const reason = reasonOf(message);
  if (reason !== null) unreachable(connection, offset, reason);
}

function reasonOf(message: IcmpMessage): CloseReason | null {
  if (message.kind === "time-exceeded")
    return { code: "EHOSTUNREACH", text: "hop limit exceeded on the way" };
  if (message.kind === "parameter-problem")
    return { code: "EPROTO", text: "a host on the way refuses the packet" };
  if (message.kind !== "unreachable") return null;
  switch (message.reason) {
    case "net":
      return { code: "ENETUNREACH", text: "network unreachable" };
    case "port":
    case "protocol":
      return { code: "ECONNREFUSED", text: "connection refused" };
    case "prohibited":
      return { code: "EACCES", text: "prohibited by a host on the way" };
    default:
      return { code: "EHOSTUNREACH", text: "host unreachable" };
  }
}
