// Which session a hello leads to (docs/protocol.md §4): a new one under its name, the one it comes back to, or, after
// the relay was started anew, one that begins again with the same id, name and address.
import type { RandomBytes } from "../core/link/clock.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import { peerAddress } from "../tunnel/addresses.ts";
import { type ResumeRequest, sessionLength } from "../tunnel/handshake-messages.ts";
import { hex } from "../tunnel/octets.ts";
import { isPeerName } from "../tunnel/peer-name.ts";
import type { RelayCounters } from "./counters.ts";
import type { Hub } from "./hub.ts";
import type { Principal } from "./principal.ts";
import { RelaySession } from "./session.ts";

export interface Refusal {
  readonly code: string;
  readonly text: string;
  readonly retryAfter?: number | undefined;
  readonly counter: keyof RelayCounters;
}

/** Ends an attempt and not the session: a newer one was there first. */
export const staleCode = "ESTALE" as const;

/** Why a principal may not have this name; null when it may. */
export async function nameRefusal(
  hub: Hub,
  principal: Principal,
  name: string,
  isChosen: boolean,
): Promise<Refusal | null> {
  if (!isPeerName(name)) {
    const text = `"${name.slice(0, 64)}" cannot name a tunnel: 1 to 63 lower case letters, digits, inner hyphens`;
    return { code: "EINVAL", text, counter: "handshakeNameRefused" };
  }
  if (!isChosen) return null;
  const decision = await hub.policy.authorize(principal, { kind: "name", name });
  return decision.allowed
    ? null
    : { code: "ERR_DENIED", text: decision.text, counter: "handshakeNameRefused" };
}

/** A new session under a name that may be had. Who holds it now, as the same subject, ends. */
export function openSession(
  hub: Hub,
  principal: Principal,
  name: string,
  ended: () => void,
): RelaySession | Refusal {
  const address = peerAddress(hub.networkName, hub.addresses.peers, name);
  const holder = hub.sessions.byAddress(address.w0, address.w1, address.w2, address.w3);
  if (holder !== null && (holder.principal.subject !== principal.subject || holder.name !== name)) {
    const text = `the name ${name} is in use by another subject: choose another name`;
    return { code: "EADDRINUSE", text, counter: "handshakeNameRefused" };
  }
  if (holder === null) {
    const full = makeRoom(hub, principal.subject);
    if (full !== null) return full;
  } else {
    // The page was loaded again, or its program started anew: the newer one is the one that lives.
    hub.counters.sessionsTakenOver++;
    holder.end("ERR_NAME_TAKEN", takenText(name));
    hub.sessions.nameTaken(holder);
  }
  const key = new Uint8Array(sessionLength);
  hub.random(key);
  return begin(hub, { key, principal, name, isReborn: false }, ended);
}

/**
 * What a claim leads to: the session; null: one that is not known here and may begin again; or why not.
 * @param isProved Whether the proof is right; null: too many of this address were refused lately.
 */
export function checkResume(
  hub: Hub,
  resume: ResumeRequest,
  isProved: boolean | null,
): RelaySession | Refusal | null {
  if (isProved === null) {
    const text = "too many refused resumes from this address";
    return { code: "ERR_LIMIT", text, retryAfter: 5_000, counter: "linksRefusedLimit" };
  }
  const id = hex(resume.session);
  const session = hub.sessions.ofId(id);
  if (session === null) {
    if (isProved && !hub.sessions.hasEnded(id) && !hub.tickets.isExpired(resume.generation)) {
      if (resume.via === resume.link) return null;
      // Its other link leads to where the session lives: here it is not to begin again beside that.
      return { code: staleCode, text: "the session lives elsewhere", counter: "handshakeResumeStale" };
    }
    // Who was away when it happened would else open a new tunnel, and take the name back from the newer one.
    const lost = isProved ? hub.sessions.lostName(id) : null;
    return lost === null ? expired("this relay does not know the session") : taken(lost);
  }
  if (!isProved) {
    return { code: "EACCES", text: "the proof is wrong", counter: "handshakeResumeRefused" };
  }
  if (resume.link >= hub.limits.links) {
    const text = `a session has at most ${hub.limits.links} links`;
    return { code: "ERR_LIMIT", text, counter: "linksRefusedLimit" };
  }
  const stale = session.links.staleness(resume);
  return stale === null ? session : { code: staleCode, text: stale, counter: "handshakeResumeStale" };
}

/** A session of a relay that is no more begins again: same id, name and address, and nothing else. */
export async function rebirth(
  hub: Hub,
  principal: Principal,
  resume: ResumeRequest,
  name: string | undefined,
  ended: () => void,
): Promise<RelaySession | Refusal> {
  if (name === undefined) return expired("the session has no name to come back by");
  // A name that a relay made up belongs to who knows it.
  const refusal = await nameRefusal(hub, principal, name, !isRandomName(name));
  if (refusal !== null) return refusal;
  // Another link of the session may have been faster.
  const born = checkResume(hub, resume, true);
  if (born !== null) return born;
  const address = peerAddress(hub.networkName, hub.addresses.peers, name);
  if (hub.sessions.byAddress(address.w0, address.w1, address.w2, address.w3) !== null) {
    return taken(name);
  }
  const full = makeRoom(hub, principal.subject);
  if (full !== null) return full;
  hub.counters.sessionsReborn++;
  return begin(hub, { key: resume.session, principal, name, isReborn: true }, ended);
}

function begin(
  hub: Hub,
  who: {
    readonly key: Bytes;
    readonly principal: Principal;
    readonly name: string;
    readonly isReborn: boolean;
  },
  ended: () => void,
): RelaySession {
  const { key, principal, name, isReborn } = who;
  const address = peerAddress(hub.networkName, hub.addresses.peers, name);
  const session = new RelaySession(hub, { key, id: hex(key), principal, name, address }, isReborn, (over) => {
    hub.sessions.remove(over);
    hub.counters.sessionsClosed++;
    hub.counters.sessions = hub.sessions.size;
    ended();
  });
  hub.sessions.add(session);
  hub.counters.sessionsOpened++;
  hub.counters.sessions = hub.sessions.size;
  return session;
}

/** Those without a link go before somebody who has one is refused. */
function makeRoom(hub: Hub, subject: string): Refusal | null {
  const { limits, sessions, detached } = hub;
  const text = "the relay needed the room for others";
  if (sessions.countOf(subject) >= limits.sessionsPerSubject) {
    detached.evict(text, (session) => session.principal.subject === subject);
  }
  if (sessions.size >= limits.sessions) detached.evict(text);
  if (sessions.countOf(subject) < limits.sessionsPerSubject && sessions.size < limits.sessions) return null;
  return {
    code: "ERR_LIMIT",
    text: "the relay has all the sessions it takes",
    retryAfter: 5_000,
    counter: "linksRefusedLimit",
  };
}

function expired(text: string): Refusal {
  return { code: "ERR_SESSION_EXPIRED", text, counter: "handshakeResumeRefused" };
}

function taken(name: string): Refusal {
  return { code: "ERR_NAME_TAKEN", text: takenText(name), counter: "handshakeResumeRefused" };
}

function takenText(name: string): string {
  return `a newer tunnel has taken the name ${name}`;
}

export function randomName(random: RandomBytes): string {
  const bytes = new Uint8Array(10);
  random(bytes);
  return `t-${hex(bytes)}`;
}

function isRandomName(name: string): boolean {
  return /^t-[0-9a-f]{20}$/.test(name);
}
