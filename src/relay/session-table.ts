// All sessions of a relay: by id, by overlay address (asked for every packet between peers), by name, by subject; and of
// those that have ended, that they have and whether a newer one took their name.
import type { RelaySession } from "./session.ts";

export class SessionTable {
  private readonly byId = new Map<string, RelaySession>();
  private readonly byName = new Map<string, RelaySession>();
  /** By the last word of the address; those that share it are told apart by the others. */
  private readonly byLastWord = new Map<number, RelaySession[]>();
  private readonly perSubject = new Map<string, number>();
  /** Sessions that ended here: their tickets bring nothing back. By id; the name of those who lost it to a newer one. */
  private readonly ended = new Map<string, string | null>();

  get size(): number {
    return this.byId.size;
  }

  all(): RelaySession[] {
    return [...this.byId.values()];
  }

  ofId(id: string): RelaySession | null {
    return this.byId.get(id) ?? null;
  }

  hasEnded(id: string): boolean {
    return this.ended.has(id);
  }

  /** A newer session is about to take the name of this one, which has ended. */
  nameTaken(session: RelaySession): void {
    this.ended.set(session.id, session.name);
  }

  /** The name that an ended session lost to one that still has it; null when there is none. */
  lostName(id: string): string | null {
    const name = this.ended.get(id) ?? null;
    return name !== null && this.byName.has(name) ? name : null;
  }

  /** The session with this IPv6 address, given as signed words. */
  byAddress(w0: number, w1: number, w2: number, w3: number): RelaySession | null {
    const candidates = this.byLastWord.get(w3);
    if (candidates === undefined) return null;
    for (const session of candidates) if (session.address.equalsWords(6, w0, w1, w2, w3)) return session;
    return null;
  }

  countOf(subject: string): number {
    return this.perSubject.get(subject) ?? 0;
  }

  add(session: RelaySession): void {
    this.byId.set(session.id, session);
    this.byName.set(session.name, session);
    const sameWord = this.byLastWord.get(session.address.w3);
    if (sameWord === undefined) this.byLastWord.set(session.address.w3, [session]);
    else sameWord.push(session);
    const { subject } = session.principal;
    this.perSubject.set(subject, this.countOf(subject) + 1);
  }

  remove(session: RelaySession): void {
    if (!this.byId.delete(session.id)) return;
    this.ended.set(session.id, null);
    if (this.ended.size > mostEnded) {
      for (const oldest of this.ended.keys()) {
        this.ended.delete(oldest);
        break;
      }
    }
    if (this.byName.get(session.name) === session) this.byName.delete(session.name);
    const sameWord = (this.byLastWord.get(session.address.w3) ?? []).filter((other) => other !== session);
    if (sameWord.length === 0) this.byLastWord.delete(session.address.w3);
    else this.byLastWord.set(session.address.w3, sameWord);
    const { subject } = session.principal;
    const left = this.countOf(subject) - 1;
    if (left > 0) this.perSubject.set(subject, left);
    else this.perSubject.delete(subject);
  }
}

/** Enough for hours of a busy relay, at about 100 bytes each. */
const mostEnded = 65_536;
