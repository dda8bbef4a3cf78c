// The states of a connection, by their names in RFC 9293 §3.3.2, and the questions that code asks of them.
// May use nothing.

export type TcpState =
  | "CLOSED"
  | "LISTEN"
  | "SYN-SENT"
  | "SYN-RECEIVED"
  | "ESTABLISHED"
  | "FIN-WAIT-1"
  | "FIN-WAIT-2"
  | "CLOSE-WAIT"
  | "CLOSING"
  | "LAST-ACK"
  | "TIME-WAIT";

/** Both sides know each other's initial sequence number (RFC 9293 §3.5.2, group 3). */
export function isSynchronized(state: TcpState): boolean {
  return state !== "CLOSED" && state !== "LISTEN" && state !== "SYN-SENT" && state !== "SYN-RECEIVED";
}

/** The peer may still send data: it has not sent FIN. */
export function canReceive(state: TcpState): boolean {
  return state === "ESTABLISHED" || state === "FIN-WAIT-1" || state === "FIN-WAIT-2";
}

/** The user may still queue data: CLOSE was not called. SYN states queue it until ESTABLISHED (§3.10.2). */
export function canQueue(state: TcpState): boolean {
  return (
    state === "ESTABLISHED" || state === "CLOSE-WAIT" || state === "SYN-SENT" || state === "SYN-RECEIVED"
  );
}
