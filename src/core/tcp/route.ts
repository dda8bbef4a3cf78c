// What a connection takes from its route when its SYN passes (DESIGN §3): reliable or not, the largest packet, the
// checksum rule; and whether the route is frozen now. May use nothing.

export interface Route {
  /** Nothing is lost on it but with a link: no congestion window, no retransmission timer, one ACK a turn. */
  readonly reliable: boolean;
  /** TCP checksums are written and verified. */
  readonly checksum: boolean;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  /** No link, or the other side is detached: nothing leaves and timers stand still. */
  readonly frozen: boolean;
}
