// challenge, hello, welcome, refuse: the handshake of a link (docs/protocol.md §4). The relay speaks first.
// Reads and writes their fields alone; what they mean is in handshake.ts, and at the relay in entry.ts.
import type { ControlMessage } from "../core/link/control-codec.ts";
import type { Bytes } from "../core/wire/bytes.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";
import { Prefix } from "../core/wire/prefix.ts";
import { FieldReader, printable, type Read } from "./fields.ts";

export interface Challenge {
  readonly version: number;
  /** 32 random bytes of the relay: what a proof of a resume covers. */
  readonly nonce: Bytes;
}

/** What a client claims to come back to a session, or to add a link to it. */
export interface ResumeClaim {
  readonly session: Bytes;
  /** The state that the client knows, as `welcome` named it. */
  readonly state: Bytes;
  /** Which link of the session this is to be. */
  readonly link: number;
  /** The link whose secret proves it: `link` itself, or another when `link` is new. */
  readonly via: number;
  /** Of the secret. */
  readonly generation: number;
  /** Of `link`: each attempt has a higher one. */
  readonly attempt: number;
}

export interface ResumeRequest extends ResumeClaim {
  readonly proof: Bytes;
}

export interface Hello {
  readonly version: number;
  readonly nonce: Bytes;
  readonly token: string | undefined;
  readonly name: string | undefined;
  /** Bytes of packets the client lets the relay have unreceived on this link; undefined: its default. */
  readonly receiveCap: number | undefined;
  readonly resume: ResumeRequest | undefined;
}

export interface WelcomeRoutes {
  /** The largest packet on the gateway route, and whether its checksums are filled and checked. */
  readonly gatewayMtu: number;
  readonly gatewayChecksum: boolean;
  /** The largest packet between peers. */
  readonly peerMtu: number;
}

export interface WelcomeLimits {
  readonly streams: number;
  readonly handles: number;
  readonly publications: number;
  readonly links: number;
  /** Bytes of one message on a link. */
  readonly message: number;
}

export interface Welcome {
  readonly session: Bytes;
  readonly link: number;
  readonly generation: number;
  /** The secret of this link id and generation: proved at a resume, never sent again. */
  readonly secret: Bytes;
  /** Names what the relay keeps of the session: another one begins with empty hands. */
  readonly state: Bytes;
  readonly survived: boolean;
  /** Milliseconds that the session outlives its last link. */
  readonly grace: number;
  readonly network: string;
  readonly name: string;
  readonly subject: string;
  readonly address: IpAddress;
  readonly peers: Prefix;
  readonly handles: Prefix;
  readonly ipv4: Prefix;
  readonly gateway: IpAddress;
  readonly routes: WelcomeRoutes;
  readonly limits: WelcomeLimits;
  /** Bytes of packets the relay lets the client have unreceived on this link. */
  readonly receiveCap: number;
}

export interface Refuse {
  readonly code: string;
  readonly text: string;
  /** Milliseconds; undefined: trying again will not help by itself. */
  readonly retryAfter: number | undefined;
}

export function writeChallenge(challenge: Challenge): ControlMessage {
  return { version: challenge.version, nonce: challenge.nonce };
}

export function readChallenge(message: ControlMessage): Read<Challenge> {
  const fields = new FieldReader("challenge", message);
  return fields.finish({
    version: fields.integer("version", 1, 0xffff),
    nonce: fields.bytes("nonce", nonceLength, nonceLength),
  });
}

export function writeHello(hello: Hello): ControlMessage {
  const { version, nonce, token, name, receiveCap, resume } = hello;
  const plain = { version, nonce, token, name, receiveCap };
  if (resume === undefined) return plain;
  const { session, state, link, via, generation, attempt, proof } = resume;
  return {
    ...plain,
    session,
    state,
    link,
    via: via === link ? undefined : via,
    generation,
    attempt,
    proof,
  };
}

export function readHello(message: ControlMessage): Read<Hello> {
  const fields = new FieldReader("hello", message);
  const version = fields.integer("version", 1, 0xffff);
  const nonce = fields.bytes("nonce", nonceLength, nonceLength);
  const token = fields.optionalText("token", tokenLength);
  const name = fields.optionalText("name", 253);
  const receiveCap = fields.optionalInteger("receiveCap", 1 << 16, 2 ** 31);
  const session = fields.optionalBytes("session", sessionLength, sessionLength);
  const link = session === undefined ? 0 : fields.integer("link", 0, 0xffff);
  const resume =
    session === undefined
      ? undefined
      : {
          session,
          state: fields.bytes("state", stateLength, stateLength),
          link,
          via: fields.optionalInteger("via", 0, 0xffff) ?? link,
          generation: fields.integer("generation", 0, 2 ** 48),
          attempt: fields.integer("attempt", 0, 2 ** 48),
          proof: fields.bytes("proof", 32, 32),
        };
  return fields.finish({ version, nonce, token, name, receiveCap, resume });
}

export function writeWelcome(welcome: Welcome): ControlMessage {
  return {
    session: welcome.session,
    link: welcome.link,
    generation: welcome.generation,
    secret: welcome.secret,
    state: welcome.state,
    survived: welcome.survived,
    grace: welcome.grace,
    network: welcome.network,
    name: welcome.name,
    subject: welcome.subject,
    address: welcome.address.toString(),
    peers: welcome.peers.toString(),
    handles: welcome.handles.toString(),
    ipv4: welcome.ipv4.toString(),
    gateway: welcome.gateway.toString(),
    gatewayMtu: welcome.routes.gatewayMtu,
    gatewayChecksum: welcome.routes.gatewayChecksum,
    peerMtu: welcome.routes.peerMtu,
    streams: welcome.limits.streams,
    handleLimit: welcome.limits.handles,
    publications: welcome.limits.publications,
    links: welcome.limits.links,
    message: welcome.limits.message,
    receiveCap: welcome.receiveCap,
  };
}

export function readWelcome(message: ControlMessage): Read<Welcome> {
  const fields = new FieldReader("welcome", message);
  const welcome = {
    session: fields.bytes("session", sessionLength, sessionLength),
    link: fields.integer("link", 0, 0xffff),
    generation: fields.integer("generation", 0, 2 ** 48),
    secret: fields.bytes("secret", secretLength, secretLength),
    state: fields.bytes("state", stateLength, stateLength),
    survived: fields.flag("survived"),
    grace: fields.integer("grace", 0, 2 ** 48),
    network: fields.text("network", 253),
    name: fields.text("name", 63),
    subject: fields.text("subject", 253),
    address: fields.address("address"),
    peers: readPrefix(fields, message, "peers", 64),
    handles: readPrefix(fields, message, "handles", 64),
    ipv4: readPrefix(fields, message, "ipv4", 96),
    gateway: fields.address("gateway"),
    routes: {
      gatewayMtu: fields.integer("gatewayMtu", 1_280, 65_535),
      gatewayChecksum: fields.flag("gatewayChecksum"),
      peerMtu: fields.integer("peerMtu", 1_280, 65_535),
    },
    limits: {
      streams: fields.integer("streams", 1, 2 ** 31),
      handles: fields.integer("handleLimit", 1, 2 ** 31),
      publications: fields.integer("publications", 0, 2 ** 31),
      links: fields.integer("links", 1, 0xffff),
      message: fields.integer("message", 65_536, 2 ** 31),
    },
    receiveCap: fields.integer("receiveCap", 1 << 16, 2 ** 31),
  };
  return fields.finish(welcome);
}

export function writeRefuse(refuse: Refuse): ControlMessage {
  return { code: refuse.code, text: printable(refuse.text, textLength), retryAfter: refuse.retryAfter };
}

export function readRefuse(message: ControlMessage): Read<Refuse> {
  const fields = new FieldReader("refuse", message);
  return fields.finish({
    code: fields.text("code", 64),
    text: fields.text("text", textLength),
    retryAfter: fields.optionalInteger("retryAfter", 0, 2 ** 31),
  });
}

function readPrefix(fields: FieldReader, message: ControlMessage, key: string, length: number): Prefix {
  const text = message[key];
  const prefix = typeof text === "string" && text.length <= 49 ? Prefix.parse(text) : null;
  if (prefix !== null && prefix.length === length && prefix.address.family === 6) return prefix;
  if (fields.reason === "") fields.reason = `welcome: "${key}" is not an IPv6 prefix of length ${length}`;
  return anyPrefix;
}

export const nonceLength = 32 as const;
export const sessionLength = 16 as const;
export const secretLength = 32 as const;
export const stateLength = 8 as const;
export const tokenLength = 8_192 as const;
export const textLength = 512 as const;

const anyPrefix: Prefix = Prefix.parse("::/0") as Prefix;
