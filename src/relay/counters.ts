// What a relay counts. A plain object of numbers that only grow (gauges are said to be so), so that any metrics
// library can read it; RelayMetrics is for those that want each step.

export interface RelayCounters {
  /** Links that began a handshake, and how they ended before `welcome`. */
  linksAccepted: number;
  linksRefusedOrigin: number;
  linksRefusedHost: number;
  linksRefusedLimit: number;
  linksRefusedClosing: number;
  handshakeTimeouts: number;
  handshakeMalformed: number;
  handshakeVersion: number;
  handshakeUnauthorized: number;
  handshakeNameRefused: number;
  handshakeResumeRefused: number;
  handshakeResumeStale: number;
  handshakeLost: number;
  /** Sessions begun; of those, brought back by a ticket of a relay that is no more; links of known sessions that came. */
  sessionsOpened: number;
  sessionsReborn: number;
  linksResumed: number;
  /** Sessions that lost their last link; whose grace was over; that had to go before; taken over by a newer hello; ended. */
  sessionsDetached: number;
  sessionsExpired: number;
  sessionsEvicted: number;
  sessionsTakenOver: number;
  sessionsClosed: number;
  /** What was wrong on links after `welcome`. */
  protocolErrors: number;
  controlMalformed: number;
  controlUnknown: number;
  packetsSpoofed: number;
  packetsForeign: number;
  /** Streams from tunnels to real TCP. */
  dials: number;
  dialsOpened: number;
  dialsFailed: number;
  dialsDenied: number;
  dialsLimited: number;
  dialsCancelled: number;
  /** Ports published, and connections to them. */
  publications: number;
  publicationsFailed: number;
  publicationsDenied: number;
  publishedAccepted: number;
  publishedOpened: number;
  publishedFailed: number;
  publishedLimited: number;
  /** Bytes through the gateway, seen from the tunnels. */
  bytesToTunnels: number;
  bytesFromTunnels: number;
  /** The switch. */
  peerPackets: number;
  peerBytes: number;
  peerDropped: number;
  peerMarked: number;
  peerUnknown: number;
  peerDenied: number;
  /** Packets to tunnels that are away. */
  peerAway: number;
  /** Gauges. */
  sessions: number;
  detached: number;
  streams: number;
  handshakes: number;
}

export function newCounters(): RelayCounters {
  return {
    linksAccepted: 0,
    linksRefusedOrigin: 0,
    linksRefusedHost: 0,
    linksRefusedLimit: 0,
    linksRefusedClosing: 0,
    handshakeTimeouts: 0,
    handshakeMalformed: 0,
    handshakeVersion: 0,
    handshakeUnauthorized: 0,
    handshakeNameRefused: 0,
    handshakeResumeRefused: 0,
    handshakeResumeStale: 0,
    handshakeLost: 0,
    sessionsOpened: 0,
    sessionsReborn: 0,
    linksResumed: 0,
    sessionsDetached: 0,
    sessionsExpired: 0,
    sessionsEvicted: 0,
    sessionsTakenOver: 0,
    sessionsClosed: 0,
    protocolErrors: 0,
    controlMalformed: 0,
    controlUnknown: 0,
    packetsSpoofed: 0,
    packetsForeign: 0,
    dials: 0,
    dialsOpened: 0,
    dialsFailed: 0,
    dialsDenied: 0,
    dialsLimited: 0,
    dialsCancelled: 0,
    publications: 0,
    publicationsFailed: 0,
    publicationsDenied: 0,
    publishedAccepted: 0,
    publishedOpened: 0,
    publishedFailed: 0,
    publishedLimited: 0,
    bytesToTunnels: 0,
    bytesFromTunnels: 0,
    peerPackets: 0,
    peerBytes: 0,
    peerDropped: 0,
    peerMarked: 0,
    peerUnknown: 0,
    peerDenied: 0,
    peerAway: 0,
    sessions: 0,
    detached: 0,
    streams: 0,
    handshakes: 0,
  };
}

/** One observation at a time, for histograms. Names are stable, labels few. Must not throw. */
export interface RelayMetrics {
  /** Milliseconds that something took: "dial", "handshake", "resume". */
  observe(name: string, milliseconds: number): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured: an event's name, and fields that never hold a secret or a payload. Must not throw. */
export type RelayLog = (level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>) => void;
