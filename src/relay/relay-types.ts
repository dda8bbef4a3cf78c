// The face of a running relay that is the same on every runtime.
import type { Link } from "../core/link/link.ts";
import type { SocketAddr } from "../core/net/socket-addr.ts";
import type { RelayCounters } from "./counters.ts";
import type { SessionInfo } from "./relay-core.ts";
import type { DrainOptions } from "./relay-options.ts";

export interface RunningRelay extends AsyncDisposable {
  /** What tunnels open: "ws://127.0.0.1:8080/". Empty for a relay without a server of its own. */
  readonly url: string;
  /** Where it listens; undefined for a relay without a server of its own. */
  readonly addr: SocketAddr | undefined;
  /** What it counted so far: live numbers. */
  readonly counters: Readonly<RelayCounters>;
  /** Who is there now. */
  readonly sessions: readonly SessionInfo[];
  /**
   * Takes a link of any kind, as a WebSocket that was checked: of nodeLinkListener(), or of a Deno.Listener. What
   * concerns browsers (Origin, Host) is not asked; tokens and limits are. While the relay has all it takes, and after
   * its end, the link is closed with code 4013.
   *
   * @param remoteAddress Whom limits of failed handshakes count for. Default: the link's description.
   */
  accept(link: Link, remoteAddress?: string): void;
  /**
   * Before the relay is started anew, or for good: accepts nothing more, asks every client to come back elsewhere or
   * later (`going`), waits until they have left, and stops. Sessions do not end for their clients: with the same
   * `key` another relay, or this one when it runs again, takes them back, and streams between tunnels go on. Real
   * connections of the gateway are reset. Idempotent; close() cuts it short.
   */
  drain(options?: DrainOptions): Promise<void>;
  /** Tells every client, ends sessions and published ports, stops listening. At most 5 s. Idempotent. */
  close(): Promise<void>;
}

/**
 * Where tunnels are opened, as requests name it.
 *
 * @throws {TypeError} for what no request can name.
 */
export function readPath(path: string): string {
  const wrong = (what: string): TypeError =>
    new TypeError(`Cannot serve a relay at the path "${path}": ${what}`);
  if (!path.startsWith("/")) throw wrong(`it must begin with "/", such as "/${path}"`);
  const { pathname } = new URL(`http://relay${path}`);
  if (pathname !== path) throw wrong(`in a URL it is "${pathname}"`);
  return path;
}

/** The URL of a server that listens at `addr`. All addresses are told as this machine's. */
export function relayUrl(addr: SocketAddr, path: string, isSecure: boolean): string {
  const { hostname } = addr;
  const host =
    hostname === "0.0.0.0"
      ? "127.0.0.1"
      : hostname === "::"
        ? "[::1]"
        : hostname.includes(":")
          ? `[${hostname}]`
          : hostname;
  return `${isSecure ? "wss" : "ws"}://${host}:${addr.port}${path}`;
}
