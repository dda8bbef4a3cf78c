// Where relays are, and in which order they are tried: where the last one said to go, the last one itself, then all as
// they were given.
import type { LinkDialer } from "../core/link/link.ts";

export class Places {
  private readonly given: readonly LinkDialer[];
  private readonly make: ((url: string) => LinkDialer) | null;
  private alternates: readonly LinkDialer[] = [];
  private last: LinkDialer | null = null;

  /** @param make Makes a dialer of a URL that a relay named; null where only given dialers may be used. */
  constructor(given: readonly LinkDialer[], make: ((url: string) => LinkDialer) | null) {
    this.given = given;
    this.make = make;
  }

  get description(): string {
    return this.given.map(({ description }) => description).join(", ");
  }

  /** The relay that was there last: what it refuses is refused. */
  get home(): LinkDialer | null {
    return this.last;
  }

  /** Whether a relay that goes has named others. */
  get hasAlternates(): boolean {
    return this.alternates.length > 0;
  }

  /**
   * The order for one link. Each link of a session begins with another of the given places, for they may be several ways
   * to the same relay; one that was there before goes back to where it was.
   */
  inOrder(turn: number = 0, before: LinkDialer | null = null): LinkDialer[] {
    const { given, last } = this;
    const start = turn % given.length;
    const first = before ?? (start === 0 ? last : null);
    const home = [first, ...given.slice(start), last].filter((place) => place !== null);
    return [...new Set([...this.alternates, ...home, ...given])];
  }

  arrived(place: LinkDialer): void {
    this.last = place;
    this.alternates = [];
  }

  /** The relay goes. Its alternates are tried first, those that cannot be used left out. */
  moveTo(urls: readonly string[]): void {
    const { last, make } = this;
    if (make === null) return;
    // Who was reached over TLS does not follow to a place without it.
    const isSecure = last?.description.startsWith("wss:") === true;
    this.alternates = urls.flatMap((url) => {
      if (isSecure && !/^(?:wss|https):/i.test(url)) return [];
      try {
        return [make(url)];
      } catch {
        return [];
      }
    });
  }
}
