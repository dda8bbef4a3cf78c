// Every limit of a relay, with its default. Reaching one is told with ERR_LIMIT and counted; docs/relay.md §7 has
// the same table.

export interface RelayLimits {
  /** Sessions at once. */
  readonly sessions: number;
  /** Sessions of one subject. Without authentication everybody is one subject. */
  readonly sessionsPerSubject: number;
  /** Links of one session at once. */
  readonly links: number;
  /** Milliseconds that a session outlives its last link. */
  readonly grace: number;
  /** Bytes that all sessions without a link may hold; above it the longest-detached end. */
  readonly detachedMemory: number;
  /** Milliseconds that a connection to a published port waits for a tunnel without a link. */
  readonly detachedWait: number;
  /** Milliseconds for which a ticket brings back a session that the relay does not know. */
  readonly ticketTime: number;
  /** Refused resumes of one remote address in a minute, then it waits. */
  readonly resumeFailuresPerMinute: number;
  /** Links that have not finished their handshake, in all. */
  readonly handshakes: number;
  /** The same from one remote address. */
  readonly handshakesPerAddress: number;
  /** Failed handshakes of one remote address in a minute, then it waits. */
  readonly failuresPerMinute: number;
  /** Milliseconds from the WebSocket's opening to `hello`. */
  readonly handshakeTime: number;
  /** Bytes of the message that holds `hello`. */
  readonly helloBytes: number;
  /** Bytes of one message on a link. */
  readonly message: number;
  /** Streams through the gateway of one session, both ways, dials included. */
  readonly streams: number;
  /** Bytes that the gateway holds for one session, both ways; above it each stream keeps to 64 KiB. */
  readonly sessionMemory: number;
  /** Streams through the gateway of all sessions. */
  readonly streamsInAll: number;
  /** Dials of one session that have no answer yet. */
  readonly dials: number;
  /** Milliseconds for one dial, its lookup included. */
  readonly dialTime: number;
  /** New streams of one session in a second, and at once after a pause. */
  readonly connectRate: number;
  readonly connectBurst: number;
  /** Names that a session may have bound to handles at once. */
  readonly handles: number;
  /** Ports that a session may publish at once. */
  readonly publications: number;
  /** Connections of a published port that wait for the tunnel to answer, for one port. */
  readonly publishedPending: number;
  /** Bytes of packets that wait in the switch for one link. */
  readonly switchQueue: number;
  /** Ports of one peer whose decisions a session remembers. */
  readonly peerPorts: number;
  /** Bytes of packets that a client may have sent and the relay not yet taken, on one link. */
  readonly receiveCap: number;
  /** Milliseconds that a session's end may take to be told and flushed. */
  readonly closeTime: number;
}

export const defaultLimits: RelayLimits = {
  sessions: 10_000,
  sessionsPerSubject: 10_000,
  links: 8,
  grace: 300_000,
  detachedMemory: 256 * 1_048_576,
  detachedWait: 30_000,
  ticketTime: 7 * 86_400_000,
  resumeFailuresPerMinute: 600,
  handshakes: 1_024,
  handshakesPerAddress: 256,
  failuresPerMinute: 30,
  handshakeTime: 10_000,
  helloBytes: 16_384,
  message: 131_072,
  streams: 16_384,
  sessionMemory: 64 * 1_048_576,
  streamsInAll: 65_536,
  dials: 1_024,
  dialTime: 10_000,
  connectRate: 5_000,
  connectBurst: 20_000,
  handles: 4_096,
  publications: 64,
  publishedPending: 128,
  switchQueue: 4 * 1_048_576,
  peerPorts: 1_024,
  receiveCap: 8 * 1_048_576,
  closeTime: 5_000,
};

/** @throws {RangeError} for a limit that is no positive number. */
export function withDefaults(limits: Partial<RelayLimits> | undefined): RelayLimits {
  const all: { -readonly [Name in keyof RelayLimits]: number } = { ...defaultLimits };
  for (const [name, value] of Object.entries(limits ?? {})) {
    if (value === undefined) continue;
    if (!(name in defaultLimits))
      throw new RangeError(`Cannot set the limit "${name}": there is no such limit`);
    if (typeof value !== "number" || !(value > 0)) {
      throw new RangeError(`Cannot set the limit "${name}" to ${value}: it must be a number above 0`);
    }
    all[name as keyof RelayLimits] = value;
  }
  return all;
}
