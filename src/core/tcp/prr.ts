// Proportional rate reduction, RFC 9937: while a recovery lasts, what leaves follows what was delivered, so that the
// flight comes down to the threshold evenly, whatever the path loses meanwhile. Bytes throughout. May use nothing.

export class Prr {
  /** The congestion window. */
  window: number;
  private readonly threshold: number;
  /** RecoverFS: what was to be delivered when the recovery began. */
  private readonly flight: number;
  private delivered = 0;
  private out = 0;

  /**
   * A recovery begins. Until an ACK delivers something nothing more leaves but the first segment resent (§6.2 forces it
   * by its window; here the sender has leave of its own for it).
   */
  constructor(threshold: number, flight: number, inFlight: number) {
    this.threshold = threshold;
    this.flight = Math.max(flight, 1);
    this.window = inFlight;
  }

  /** @param safe the ACK moved SND.UNA and told of no further loss: only then the flight may grow as in slow start */
  acknowledged(delivered: number, inFlight: number, safe: boolean, mss: number): void {
    if (delivered === 0) return;
    this.delivered += delivered;
    let count: number;
    if (inFlight > this.threshold) {
      count = Math.ceil((this.delivered * this.threshold) / this.flight) - this.out;
    } else {
      // Conservation of packets, and with a safe ACK the slow start reduction bound.
      count = Math.max(this.delivered - this.out, delivered) + (safe ? mss : 0);
      count = Math.min(this.threshold - inFlight, count);
    }
    this.window = inFlight + Math.max(count, 0);
  }

  /** New or old, it counts. */
  sent(bytes: number): void {
    this.out += bytes;
  }
}
