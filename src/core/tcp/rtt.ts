// Round-trip time and retransmission timeout, RFC 6298, sampled at every ACK (RFC 7323 appendix G).
// The backoff lives beside the estimate, so that it survives until a fresh sample (Karn, §5.7) and no earlier.
// May use nothing: times are arguments, in microseconds.

const ALPHA = 1 / 8;
const BETA = 1 / 4;
const K = 4;

export class RoundTrip {
  srtt = 0;
  variance = 0;
  latest = 0;
  private base: number;
  private shift = 0;
  private readonly minRto: number;
  private readonly maxRto: number;
  /** G of §2. */
  private readonly clockResolution: number;

  constructor(initialRto: number, minRto: number, maxRto: number, clockResolution: number) {
    this.base = initialRto;
    this.minRto = minRto;
    this.maxRto = maxRto;
    this.clockResolution = clockResolution;
  }

  get sampled(): boolean {
    return this.srtt > 0;
  }

  /** The timeout with its backoff, §5.5. */
  get rto(): number {
    return this.shift === 0 ? this.base : Math.min(this.base * 2 ** this.shift, this.maxRto);
  }

  /** The timeout without its backoff. */
  get baseRto(): number {
    return this.base;
  }

  get backoffs(): number {
    return this.shift;
  }

  /**
   * One measurement of a segment that was sent once only.
   * @param inFlightSegments how many samples a round trip is likely to give; each then weighs less (appendix G)
   */
  sample(rtt: number, inFlightSegments: number): void {
    // Two events in one tick of a coarse clock are no round trip of zero.
    const measured = Math.max(rtt, 1);
    this.latest = measured;
    if (this.srtt === 0) {
      this.srtt = measured;
      this.variance = measured / 2;
    } else {
      const samples = Math.max(1, Math.ceil(inFlightSegments / 2));
      this.variance += (BETA / samples) * (Math.abs(this.srtt - measured) - this.variance);
      this.srtt += (ALPHA / samples) * (measured - this.srtt);
    }
    this.compute();
  }

  /** A timeout was spurious: the round trip had been this long. One like it is waited for now (RFC 4015 §3.2 step 5). */
  timedOutTooEarly(rtt: number): void {
    this.srtt = Math.max(this.srtt, rtt);
    this.variance = Math.max(this.variance, rtt / 2);
    this.compute();
  }

  private compute(): void {
    // Linux adds the minimum to SRTT: on a steady path the variance vanishes, and a timeout of the bare minimum would
    // lie just above the round trip, or below it, so that each delayed ACK were a loss.
    const margin = Math.max(this.clockResolution, this.minRto, K * this.variance);
    this.base = Math.min(this.srtt + margin, this.maxRto);
    this.shift = 0;
  }

  backOff(): void {
    if (this.base * 2 ** this.shift < this.maxRto) this.shift++;
  }

  resetBackoff(): void {
    this.shift = 0;
  }

  /** §5.7: the SYN was resent, so the first data waits 3 s until a sample says otherwise. */
  synWasRetransmitted(): void {
    if (this.srtt === 0) this.base = Math.max(this.base, 3_000_000);
  }
}
