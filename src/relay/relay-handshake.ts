// The relay's side of a link's handshake (docs/protocol.md §4): challenge, then hello under a time limit and a limit
// of bytes, then who it is, which name it gets, and welcome or refuse. Nothing of a session exists before.
import { type Link, LinkCloseCode } from "../core/link/link.ts";
import { peerAddress } from "../tunnel/addresses.ts";
import { HandshakeType, protocolVersion } from "../tunnel/control-types.ts";
import { HandshakeLink } from "../tunnel/handshake-link.ts";
import {
  type Hello,
  nonceLength,
  readHello,
  secretLength,
  sessionLength,
  writeChallenge,
  writeRefuse,
  writeWelcome,
} from "../tunnel/handshake-messages.ts";
import { isPeerName } from "../tunnel/peer-name.ts";
import type { Authenticator } from "./authenticator.ts";
import type { RelayCounters } from "./counters.ts";
import type { Hub } from "./hub.ts";
import type { Principal } from "./principal.ts";
import { gatewayMtu, RelaySession } from "./session.ts";

export interface HandshakeContext {
  readonly hub: Hub;
  readonly authenticator: Authenticator;
  readonly remoteAddress: string;
  /** Called once, whatever the outcome. */
  done(session: RelaySession | null, failed: boolean): void;
}

interface Refusal {
  readonly code: string;
  readonly text: string;
  readonly retryAfter?: number | undefined;
  readonly counter: keyof RelayCounters;
}

/** Runs the handshake on a link that has just opened. */
export function welcomeLink(raw: Link, context: HandshakeContext): RelayHandshake {
  return new RelayHandshake(raw, context);
}

export class RelayHandshake {
  private readonly context: HandshakeContext;
  private readonly hub: Hub;
  private readonly link: HandshakeLink;
  private readonly timer: object | number;
  private readonly started: number;
  private isOver = false;
  private isHelloTaken = false;

  constructor(raw: Link, context: HandshakeContext) {
    this.context = context;
    this.hub = context.hub;
    const { clock, limits } = this.hub;
    this.link = new HandshakeLink(raw, limits.helloBytes);
    this.started = clock.now();
    this.timer = clock.schedule(this.started + limits.handshakeTime * 1_000, () => {
      this.refuse({
        code: "ETIMEDOUT",
        text: `no hello within ${limits.handshakeTime} ms`,
        counter: "handshakeTimeouts",
      });
    });
    this.link.begin({
      control: (type, message) => {
        if (type !== HandshakeType.hello || this.isHelloTaken) {
          this.malformed(`control type ${type} came where hello belongs`);
          return;
        }
        this.isHelloTaken = true;
        const version = message["version"];
        if (typeof version === "number" && version !== protocolVersion) return this.otherVersion(version);
        const hello = readHello(message);
        if (typeof hello === "string") return this.malformed(hello);
        void this.answer(hello);
      },
      malformed: (text) => this.malformed(text),
      closed: ({ code }) => this.over(code === 1009 ? "handshakeMalformed" : "handshakeLost", true),
    });
    const nonce = new Uint8Array(nonceLength);
    this.hub.random(nonce);
    this.link.sendControl(HandshakeType.challenge, writeChallenge({ version: protocolVersion, nonce }));
  }

  /** The relay closes. */
  cancel(): void {
    this.refuse({
      code: "ECONNREFUSED",
      text: "the relay is closing",
      retryAfter: 1_000,
      counter: "linksRefusedClosing",
    });
  }

  private async answer(hello: Hello): Promise<void> {
    if (hello.resume !== undefined) {
      this.refuse({
        code: "ERR_SESSION_EXPIRED",
        text: "this relay does not know the session",
        counter: "handshakeResumeRefused",
      });
      return;
    }
    const principal = await this.context.authenticator.authenticate(hello.token, this.context.remoteAddress);
    if (this.isOver) return;
    if ("code" in principal) {
      this.refuse({ ...principal, counter: "handshakeUnauthorized" });
      return;
    }
    const name = hello.name ?? this.randomName();
    if (!isPeerName(name)) {
      const text = `"${name.slice(0, 64)}" cannot name a tunnel: 1 to 63 lower case letters, digits, inner hyphens`;
      this.refuse({ code: "EINVAL", text, counter: "handshakeNameRefused" });
      return;
    }
    if (hello.name !== undefined) {
      const decision = await this.hub.policy.authorize(principal, { kind: "name", name });
      if (this.isOver) return;
      if (!decision.allowed) {
        this.refuse({ code: "ERR_DENIED", text: decision.text, counter: "handshakeNameRefused" });
        return;
      }
    }
    this.open(hello, principal, name);
  }

  private open(hello: Hello, principal: Principal, name: string): void {
    const { hub } = this;
    const address = peerAddress(hub.networkName, hub.addresses.peers, name);
    const holder = hub.sessions.byAddress(address.w0, address.w1, address.w2, address.w3);
    if (holder !== null && (holder.principal.subject !== principal.subject || holder.name !== name)) {
      const text = `the name ${name} is in use by another subject: choose another name`;
      this.refuse({ code: "EADDRINUSE", text, counter: "handshakeNameRefused" });
      return;
    }
    const { limits } = hub;
    const isFull =
      holder === null &&
      (hub.sessions.size >= limits.sessions ||
        hub.sessions.countOf(principal.subject) >= limits.sessionsPerSubject);
    if (isFull) {
      this.refuse({
        code: "ERR_LIMIT",
        text: "the relay has all the sessions it takes",
        retryAfter: 5_000,
        counter: "linksRefusedLimit",
      });
      return;
    }
    if (holder !== null) {
      // The page was loaded again, or its program started anew: the newer one is the one that lives.
      hub.counters.sessionsTakenOver++;
      holder.end("ERR_SESSION_EXPIRED", `a newer tunnel has taken the name ${name}`);
    }
    const id = new Uint8Array(sessionLength);
    hub.random(id);
    const secret = new Uint8Array(secretLength);
    hub.random(secret);
    const session = new RelaySession(hub, { id: hex(id), principal, name, address }, (ended) => {
      hub.sessions.remove(ended);
      hub.counters.sessionsClosed++;
      hub.counters.sessions = hub.sessions.size;
    });
    hub.sessions.add(session);
    hub.counters.sessionsOpened++;
    hub.counters.sessions = hub.sessions.size;
    this.link.sendControl(
      HandshakeType.welcome,
      writeWelcome({
        session: id,
        link: 0,
        generation: 0,
        secret,
        survived: false,
        network: hub.networkName,
        name,
        subject: principal.subject,
        address,
        ...hub.addresses,
        routes: { gatewayMtu, gatewayChecksum: false, peerMtu },
        limits: {
          streams: limits.streams,
          handles: limits.handles,
          publications: limits.publications,
          links: 1,
          message: limits.message,
        },
        receiveCap: limits.receiveCap,
      }),
    );
    this.link.done();
    hub.log("info", "session-opened", { session: session.id, name, subject: principal.subject });
    hub.metrics.observe("handshake", (hub.clock.now() - this.started) / 1_000);
    this.isOver = true;
    hub.clock.cancel(this.timer);
    session.attach(0, this.link, hello.receiveCap);
    this.context.done(session, false);
  }

  private malformed(text: string): void {
    this.refuse({ code: "EPROTO", text, counter: "handshakeMalformed" }, LinkCloseCode.protocolError);
  }

  private otherVersion(version: number): void {
    const text = `this relay speaks version ${protocolVersion} of the protocol, the client version ${version}`;
    this.refuse({ code: "ERR_VERSION", text, counter: "handshakeVersion" });
  }

  private refuse(refusal: Refusal, closeCode: number = refusedCloseCode): void {
    if (this.isOver) return;
    const { code, text, retryAfter } = refusal;
    this.link.sendControl(HandshakeType.refuse, writeRefuse({ code, text, retryAfter }));
    this.hub.log("warn", "handshake-refused", { code, text, remote: this.context.remoteAddress });
    this.over(refusal.counter, refusal.counter !== "linksRefusedClosing");
    this.link.done();
    this.link.close(closeCode, code);
  }

  private over(counter: keyof RelayCounters, failed: boolean): void {
    if (this.isOver) return;
    this.isOver = true;
    this.hub.clock.cancel(this.timer);
    this.hub.counters[counter]++;
    this.context.done(null, failed);
  }

  private randomName(): string {
    const bytes = new Uint8Array(10);
    this.hub.random(bytes);
    return `t-${hex(bytes)}`;
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The largest packet between peers: a jumbo frame's. */
const peerMtu = 9_000;
/** The close code after `refuse`. */
const refusedCloseCode = 4003;
