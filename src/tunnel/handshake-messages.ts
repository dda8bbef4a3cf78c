// challenge, hello, welcome, refuse: the handshake of a link (docs/protocol.md §4). The relay speaks first. The
// keys that resume a session are here from the first version; a relay that holds no such session refuses them.
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

/** What a client shows to come back to a session. */
export interface ResumeRequest {
  readonly session: Bytes;
  readonly link: number;
  readonly generation: number;
  readonly attempt: number;
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
  readonly survived: boolean;
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
  const { version, nonce, token, name, receiveCap } = hello;
  return { version, nonce, token, name, receiveCap, ...hello.resume };
}

export function readHello(message: ControlMessage): Read<Hello> {
  const fields = new FieldReader("hello", message);
  const version = fields.integer("version", 1, 0xffff);
  const nonce = fields.bytes("nonce", nonceLength, nonceLength);
  const token = fields.optionalText("token", tokenLength);
  const name = fields.optionalText("name", 253);
  const receiveCap = fields.optionalInteger("receiveCap", 1 << 16, 2 ** 31);
  const session = fields.optionalBytes("session", sessionLength, sessionLength);
  const resume =
    session === undefined
      ? undefined
      : {
          session,
          link: fields.integer("link", 0, 0xffff),
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
    survived: welcome.survived,
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
    secret: fields.bytes("secret", 32, 32),
    survived: fields.flag("survived"),
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
export const tokenLength = 8_192 as const;
export const textLength = 512 as const;

const anyPrefix: Prefix = Prefix.parse("::/0") as Prefix;
