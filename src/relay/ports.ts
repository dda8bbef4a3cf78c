// The PORTS part of a rule: "443", "80,443", "8000-8100", "*".

/** Ports that "*" leaves out: relays of mail are what open proxies are abused for. A rule may name them. */
const mailPorts: ReadonlySet<number> = new Set([25, 465, 587]);

export class PortSet {
  private readonly ranges: readonly (readonly [number, number])[];
  private readonly any: boolean;

  private constructor(ranges: readonly (readonly [number, number])[], any: boolean) {
    this.ranges = ranges;
    this.any = any;
  }

  /** Null when `text` is no list of ports. */
  static parse(text: string): PortSet | null {
    if (text === "*") return new PortSet([], true);
    const ranges: [number, number][] = [];
    for (const part of text.split(",")) {
      const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
      if (match === null) return null;
      const first = Number(match[1]);
      const last = match[2] === undefined ? first : Number(match[2]);
      if (last > 65_535 || first > last) return null;
      ranges.push([first, last]);
    }
    return new PortSet(ranges, false);
  }

  has(port: number): boolean {
    if (this.any) return !mailPorts.has(port);
    return this.ranges.some(([first, last]) => port >= first && port <= last);
  }
}
