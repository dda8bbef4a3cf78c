// The rooms of ARCHITECTURE.md and who may import whom. A file's first match in this list is its room.

export interface Room {
  readonly name: string;
  /** Which files, by path from src. */
  readonly files: RegExp;
  /** Names of the rooms it may import besides itself; "entry" stands for nobody. */
  readonly rooms: readonly string[];
  /** Packages it may import at run time. */
  readonly packages: readonly RegExp[];
  /** Whether it may name a runtime: node:*, Deno, Bun, Buffer, process. */
  readonly runtime: boolean;
  /** Files of other rooms it may import, where the table allows a room in part. */
  readonly only?: Readonly<Record<string, RegExp>>;
}

const core = ["core/wire", "core/tcp", "core/stack", "core/net", "core/link", "core/sim"];
const adapters = ["adapters/node", "adapters/deno", "adapters/websocket"];
const all = [...core, ...adapters, "tunnel", "relay", "relay/serve", "http"];
const node = /^node:/;
const none: readonly RegExp[] = [];

export const rooms: readonly Room[] = [
  { name: "core/wire", files: /^core\/wire\//, rooms: [], packages: none, runtime: false },
  { name: "core/tcp", files: /^core\/tcp\//, rooms: ["core/wire"], packages: none, runtime: false },
  {
    name: "core/stack",
    files: /^core\/stack\//,
    rooms: ["core/wire", "core/tcp"],
    packages: none,
    runtime: false,
  },
  {
    name: "core/net",
    files: /^core\/net\//,
    rooms: ["core/wire"],
    only: { "core/wire": /^core\/wire\/(ip-address|ip-text|prefix|bytes)\.ts$/ },
    packages: none,
    runtime: false,
  },
  {
    name: "core/link",
    files: /^core\/link\//,
    rooms: ["core/wire", "core/stack", "core/net"],
    packages: [/^msgpackr(\/|$)/],
    runtime: false,
  },
  {
    name: "core/sim",
    files: /^core\/sim\//,
    rooms: ["core/wire", "core/net", "core/link"],
    packages: none,
    runtime: false,
  },
  {
    name: "tunnel",
    files: /^tunnel\//,
    rooms: ["core/wire", "core/net", "core/link"],
    packages: [/^@noble\/hashes\//],
    runtime: false,
  },
  {
    name: "adapters/node",
    files: /^adapters\/node\//,
    rooms: ["core/net", "core/link"],
    packages: [node],
    runtime: true,
  },
  {
    name: "adapters/deno",
    files: /^adapters\/deno\//,
    rooms: ["core/net", "core/link"],
    packages: none,
    runtime: true,
  },
  {
    name: "adapters/websocket",
    files: /^adapters\/websocket\//,
    rooms: ["core/net", "core/link"],
    packages: none,
    runtime: false,
  },
  { name: "http", files: /^http\//, rooms: ["core/net"], packages: none, runtime: false },
  {
    name: "relay/serve",
    files: /^relay\/(serve-|index\.)[^/]*$/,
    rooms: ["core/wire", "core/net", "core/link", "tunnel", "relay", ...adapters],
    packages: [node, /^ws$/],
    runtime: true,
  },
  {
    name: "relay",
    files: /^relay\//,
    rooms: ["core/wire", "core/net", "core/link", "tunnel"],
    packages: [/^@noble\/hashes\//, /^ipaddr\.js$/],
    runtime: false,
  },
  { name: "cli", files: /^cli\//, rooms: [...all, "entry"], packages: [/./], runtime: true },
  {
    name: "entry",
    files: /^(index\.(node|deno|browser|default)|version|core\/index|[\w.-]+)\.ts$/,
    rooms: all,
    packages: [node, /^ws$/],
    runtime: true,
  },
];

/** The room that a file belongs to. */
export function roomOf(path: string): Room | undefined {
  return rooms.find((room) => room.files.test(path));
}
