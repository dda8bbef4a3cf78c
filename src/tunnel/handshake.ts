// The client's side of a link's handshake: challenge, hello, welcome or refuse (docs/protocol.md §4), under one
// timeout. Whatever goes wrong is one NetError that says what to do.
import type { Clock, RandomBytes } from "../core/link/clock.ts";
import type { ControlMessage } from "../core/link/control-codec.ts";
import type { Link, LinkClosed } from "../core/link/link.ts";
import { NetError } from "../core/net/net-error.ts";
import { HandshakeType, protocolVersion } from "./control-types.ts";
import { HandshakeLink } from "./handshake-link.ts";
import {
  type Hello,
  nonceLength,
  type ResumeClaim,
  readChallenge,
  readRefuse,
  readWelcome,
  type Welcome,
  writeHello,
} from "./handshake-messages.ts";
import { resumeProof } from "./resume-proof.ts";

/** To come back to a session: what is claimed, and the secret that proves it. */
export interface Resume {
  readonly claim: ResumeClaim;
  readonly secret: Uint8Array;
}

export interface HandshakeOptions {
  readonly resume?: Resume | undefined;
  readonly token: string | undefined;
  readonly name: string | undefined;
  readonly receiveCap: number | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds for the whole handshake. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface HandshakeResult {
  readonly welcome: Welcome;
  /** The link, for the driver. */
  readonly link: Link;
}

/** The relay answered, and said no. */
export class HandshakeRefusal extends NetError {}

/** Rejects with a NetError, a HandshakeRefusal when the relay said no, or with `signal.reason`; the link is closed then. */
export function shakeHands(raw: Link, options: HandshakeOptions): Promise<HandshakeResult> {
  return new Promise((resolve, reject) => {
    const link = new HandshakeLink(raw, waitingLimit);
    const attempt = new ClientHandshake(link, options, resolve, reject);
    if (options.signal.aborted) attempt.abort();
    else link.begin(attempt);
  });
}

class ClientHandshake {
  private readonly link: HandshakeLink;
  private readonly options: HandshakeOptions;
  private readonly resolve: (result: HandshakeResult) => void;
  private readonly reject: (error: unknown) => void;
  private readonly timer: ReturnType<Clock["schedule"]>;
  private readonly onAbort = (): void => this.abort();
  private isChallenged = false;
  private isSettled = false;

  constructor(
    link: HandshakeLink,
    options: HandshakeOptions,
    resolve: (result: HandshakeResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.link = link;
    this.options = options;
    this.resolve = resolve;
    this.reject = reject;
    this.timer = options.clock.schedule(options.clock.now() + options.timeout * 1_000, () => {
      const what = this.isChallenged ? "did not answer" : "sent no challenge: is it a fourtuple relay?";
      this.fail("ETIMEDOUT", `${what} (waited ${options.timeout} ms)`);
    });
    options.signal.addEventListener("abort", this.onAbort, { once: true });
  }

  abort(): void {
    if (this.settle()) this.reject(this.options.signal.reason);
    this.link.close(1000, "");
  }

  control(type: number, message: ControlMessage): void {
    if (this.isSettled) return;
    if (type === HandshakeType.refuse) this.refused(message);
    else if (!this.isChallenged && type === HandshakeType.challenge) this.challenged(message);
    else if (this.isChallenged && type === HandshakeType.welcome) this.welcomed(message);
    else this.malformed(`control type ${type} has no place in the handshake here`);
  }

  malformed(text: string): void {
    this.fail("EPROTO", `sent what is no handshake of a fourtuple relay: ${text}`, { close: 4002 });
  }

  closed(reason: LinkClosed): void {
    if (NetError.is(reason.error)) {
      this.fail(reason.error.code, reason.error.message, { cause: reason.error });
      return;
    }
    const why = reason.reason ? `: ${reason.reason}` : "";
    const hint = this.isChallenged || why !== "" ? "" : ": is it a fourtuple relay?";
    this.fail(
      codeOfClose(reason.code),
      `closed the link during the handshake (code ${reason.code ?? "none"}${why})${hint}`,
      { cause: reason.error },
    );
  }

  private challenged(message: ControlMessage): void {
    // The version first: the rest of another version's challenge need not look like ours.
    const version = message["version"];
    if (typeof version === "number" && version !== protocolVersion) {
      this.fail(
        "ERR_VERSION",
        `speaks version ${version} of the protocol and this client version ${protocolVersion}: update the ${
          version > protocolVersion ? "client" : "relay"
        }`,
        { close: 4001 },
      );
      return;
    }
    const challenge = readChallenge(message);
    if (typeof challenge === "string") {
      this.malformed(challenge);
      return;
    }
    this.isChallenged = true;
    const nonce = new Uint8Array(nonceLength);
    this.options.random(nonce);
    const { resume } = this.options;
    const hello: Hello = {
      version: protocolVersion,
      nonce,
      token: this.options.token,
      name: this.options.name,
      receiveCap: this.options.receiveCap,
      resume: resume && {
        ...resume.claim,
        proof: resumeProof(resume.secret, { relay: challenge.nonce, client: nonce }, resume.claim),
      },
    };
    this.link.sendControl(HandshakeType.hello, writeHello(hello));
  }

  private welcomed(message: ControlMessage): void {
    const welcome = readWelcome(message);
    if (typeof welcome === "string") {
      this.malformed(welcome);
      return;
    }
    this.link.done();
    if (this.settle()) this.resolve({ welcome, link: this.link });
  }

  private refused(message: ControlMessage): void {
    const refuse = readRefuse(message);
    if (typeof refuse === "string") {
      this.malformed(refuse);
      return;
    }
    this.fail(refuse.code, `refused the tunnel: ${refuse.text}`, {
      retryAfter: refuse.retryAfter,
      isRefusal: true,
    });
  }

  private fail(
    code: string,
    text: string,
    options: {
      retryAfter?: number | undefined;
      cause?: unknown;
      close?: number;
      isRefusal?: boolean;
    } = {},
  ): void {
    if (!this.settle()) return;
    this.link.close(options.close ?? 1000, "");
    const Failure = options.isRefusal === true ? HandshakeRefusal : NetError;
    this.reject(
      new Failure(code, `Cannot open a tunnel: ${this.link.description} ${text}`, {
        op: "connect",
        retryAfter: options.retryAfter,
        cause: options.cause,
      }),
    );
  }

  private settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.options.clock.cancel(this.timer);
    this.options.signal.removeEventListener("abort", this.onAbort);
    return true;
  }
}

function codeOfClose(code: number | undefined): string {
  if (code === 1008 || code === 3000) return "EACCES";
  if (code === 1013 || code === 4013) return "ERR_LIMIT";
  return "ECONNREFUSED";
}

/** What may follow `welcome` before the driver has taken over. */
const waitingLimit = 1_048_576;
