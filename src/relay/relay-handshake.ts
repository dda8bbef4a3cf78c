// The relay's side of a link's handshake (docs/protocol.md §4): challenge, then hello under a time limit and a limit
// of bytes, then who it is, which name it gets, and welcome or refuse. Nothing of a session exists before.
import { type Link, LinkCloseCode } from "../core/link/link.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import { HandshakeType, protocolVersion } from "../tunnel/control-types.ts";
import { HandshakeLink } from "../tunnel/handshake-link.ts";
import {
  type Hello,
  nonceLength,
  type ResumeRequest,
  readHello,
  writeChallenge,
  writeRefuse,
  writeWelcome,
} from "../tunnel/handshake-messages.ts";
import { isSame } from "../tunnel/octets.ts";
import type { Authenticator } from "./authenticator.ts";
import type { RelayCounters } from "./counters.ts";
import {
  checkResume,
  nameRefusal,
  openSession,
  type Refusal,
  randomName,
  rebirth,
  staleCode,
} from "./entry.ts";
import type { Hub } from "./hub.ts";
import type { Principal } from "./principal.ts";
import { gatewayMtu, type RelaySession } from "./session.ts";

export interface HandshakeContext {
  readonly hub: Hub;
  readonly authenticator: Authenticator;
  readonly remoteAddress: string;
  /** Called once, whatever the outcome. */
  done(failed: boolean): void;
  /** A session that began here has ended. */
  ended(): void;
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
  private readonly nonce: Bytes = new Uint8Array(nonceLength);
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
    const { nonce } = this;
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
    if (hello.resume === undefined) await this.enter(hello);
    else await this.comeBack(hello, hello.resume);
  }

  private async enter(hello: Hello): Promise<void> {
    const principal = await this.authenticated(hello);
    if (principal === null) return;
    const name = hello.name ?? randomName(this.hub.random);
    const refusal = await nameRefusal(this.hub, principal, name, hello.name !== undefined);
    if (this.isOver) return;
    const entry = refusal ?? openSession(this.hub, principal, name, this.context.ended);
    if ("counter" in entry) this.refuse(entry);
    else this.welcome(entry, hello, null, false);
  }

  /** To a session that lives here; or, by a ticket of a relay that is no more, to one that begins anew. */
  private async comeBack(hello: Hello, resume: ResumeRequest): Promise<void> {
    const { hub } = this;
    const { remoteAddress } = this.context;
    const refuse = (refusal: Refusal): void => {
      if (refusal.code !== staleCode) hub.resumeFailures.add(remoteAddress);
      this.refuse(refusal);
    };
    const isProved = !hub.resumeFailures.isReached(remoteAddress)
      ? hub.tickets.isProved(resume, { relay: this.nonce, client: hello.nonce })
      : null;
    const known = checkResume(hub, resume, isProved);
    if (known !== null && "counter" in known) return refuse(known);
    const principal = await this.authenticated(hello);
    if (principal === null) return;
    // Others may have come while the hook was asked.
    const session = checkResume(hub, resume, isProved);
    if (session !== null && "counter" in session) return refuse(session);
    if (session !== null) {
      if (session.principal.subject !== principal.subject) {
        return this.refuse({
          code: "EACCES",
          text: "the session belongs to another subject",
          counter: "handshakeUnauthorized",
        });
      }
      session.principal = principal;
      hub.counters.linksResumed++;
      this.welcome(session, hello, resume, isSame(session.state, resume.state));
      return;
    }
    const entry = await rebirth(hub, principal, resume, hello.name, this.context.ended);
    if (this.isOver) return;
    if ("counter" in entry) refuse(entry);
    else this.welcome(entry, hello, resume, false);
  }

  /** Null: it was refused, or the link is gone. */
  private async authenticated(hello: Hello): Promise<Principal | null> {
    const principal = await this.context.authenticator.authenticate(hello.token, this.context.remoteAddress);
    if (this.isOver) return null;
    if (!("code" in principal)) return principal;
    this.refuse({ ...principal, counter: "handshakeUnauthorized" });
    return null;
  }

  private welcome(
    session: RelaySession,
    hello: Hello,
    resume: ResumeRequest | null,
    survived: boolean,
  ): void {
    const { hub } = this;
    const { limits } = hub;
    const link = resume?.link ?? 0;
    const generation = session.links.admit(link, resume);
    this.link.sendControl(
      HandshakeType.welcome,
      writeWelcome({
        session: session.key,
        link,
        generation,
        secret: hub.tickets.secret(session.key, link, generation),
        state: session.state,
        survived,
        grace: limits.grace,
        network: hub.networkName,
        name: session.name,
        subject: session.principal.subject,
        address: session.address,
        ...hub.addresses,
        routes: { gatewayMtu, gatewayChecksum: false, peerMtu },
        limits: {
          streams: limits.streams,
          handles: limits.handles,
          publications: limits.publications,
          links: limits.links,
          message: limits.message,
        },
        receiveCap: limits.receiveCap,
      }),
    );
    this.link.done();
    const kind = resume === null ? "opened" : survived ? "resumed" : "reborn";
    const { name, principal } = session;
    hub.log("info", `session-${kind}`, { session: session.id, name, subject: principal.subject });
    hub.metrics.observe(resume === null ? "handshake" : "resume", (hub.clock.now() - this.started) / 1_000);
    this.isOver = true;
    hub.clock.cancel(this.timer);
    session.attach(link, this.link, hello.receiveCap);
    this.context.done(false);
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
    this.over(refusal.counter, !harmless.has(code) && refusal.counter !== "linksRefusedClosing");
    this.link.done();
    this.link.close(closeCode, code);
  }

  private over(counter: keyof RelayCounters, failed: boolean): void {
    if (this.isOver) return;
    this.isOver = true;
    this.hub.clock.cancel(this.timer);
    this.hub.counters[counter]++;
    this.context.done(failed);
  }
}

/** The largest packet between peers: a jumbo frame's. */
const peerMtu = 9_000;
/** Refusals that honest clients meet, many at once after a restart: their rate is limited apart from the others'. */
const harmless: ReadonlySet<string> = new Set(["ERR_SESSION_EXPIRED", "ERR_NAME_TAKEN", staleCode]);
/** The close code after `refuse`. */
const refusedCloseCode = 4003;
