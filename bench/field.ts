// The processes of a run: one TCP server, one relay and one client for each contender. Those that are not measured
// sit idle. A process that failed is started anew, so that a failure costs one sample.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ContenderName, Place } from "./contenders/contender.ts";
import type { ClientRole } from "./roles/client.ts";
import type { CoreRole } from "./roles/core.ts";
import type { PairRole } from "./roles/pair.ts";
import type { PathOptions, PathRole } from "./roles/path.ts";
import type { RelayRole } from "./roles/relay-role.ts";
import type { ServerRole } from "./roles/server.ts";
import type { SessionsRole } from "./roles/sessions.ts";
import type { CommonRole } from "./serving.ts";
import { Worker } from "./worker.ts";

export type Client = Worker<ClientRole & CommonRole>;
export type Relay = Worker<RelayRole & CommonRole>;

/** One contender's processes, connected. */
export interface Lane {
  readonly client: Client;
  /** Direct has none. */
  readonly relay: Relay | null;
  readonly place: Place;
}

export interface FieldOptions {
  /** Where the roles are, built. */
  readonly scripts: string;
  /** A directory for CPU profiles. */
  readonly profile: string | null;
  /** Of all processes alike. */
  readonly nodeOptions: readonly string[];
}

export class Field {
  readonly server: Worker<ServerRole & CommonRole>;
  /** Bytes in a second of earlier transfers: how much to move in a given time. */
  readonly pace: Map<string, number> = new Map();
  private readonly options: FieldOptions;
  private readonly serverPort: number;
  private readonly lanes: Map<ContenderName, Lane> = new Map();
  private readonly warm: Set<string> = new Set();
  private profiled = 0;

  private constructor(options: FieldOptions, server: Worker<ServerRole & CommonRole>, serverPort: number) {
    this.options = options;
    this.server = server;
    this.serverPort = serverPort;
  }

  static async start(options: FieldOptions): Promise<Field> {
    const { scripts, profile, nodeOptions } = options;
    if (profile !== null) mkdirSync(profile, { recursive: true });
    const script = join(scripts, "server.js");
    const server = await Worker.start<ServerRole>({ script, name: "server", nodeOptions });
    const { port } = await server.call("listen");
    return new Field(options, server, port);
  }

  /** The processes of a contender, kept from round to round. */
  async lane(contender: ContenderName): Promise<Lane> {
    const known = this.lanes.get(contender);
    if (known !== undefined && !known.client.isOver && !known.relay?.isOver) return known;
    if (known !== undefined) await endLane(known);
    const lane = await this.freshLane(contender);
    this.lanes.set(contender, lane);
    return lane;
  }

  /** Processes of their own, for measurements that leave something behind or need a clean heap. */
  async freshLane(contender: ContenderName, path: PathOptions | null = null): Promise<Lane> {
    const relay =
      contender === "direct" ? null : await this.start<RelayRole>(`${contender}-relay`, `${contender} relay`);
    const relayPort = (await relay?.call("serve", this.serverPort))?.port ?? 0;
    const place = { serverPort: this.serverPort, relayPort };
    const client = await this.start<ClientRole>("client", `${contender} client`, [contender]);
    if (path === null) await client.call("connect", place);
    return { client, relay, place };
  }

  async lease<Result>(lane: Lane, use: (lane: Lane) => Promise<Result>): Promise<Result> {
    try {
      return await use(lane);
    } finally {
      await endLane(lane);
    }
  }

  /** Whether this was asked before: what is measured for the first time needs a longer warm-up. */
  isWarm(what: string): boolean {
    const isWarm = this.warm.has(what);
    this.warm.add(what);
    return isWarm;
  }

  startPath(): Promise<Worker<PathRole & CommonRole>> {
    return this.start<PathRole>("path", "path");
  }

  startSessions(): Promise<Worker<SessionsRole & CommonRole>> {
    return this.start<SessionsRole>("sessions", "sessions");
  }

  startPair(): Promise<Worker<PairRole & CommonRole>> {
    return this.start<PairRole>("pair", "pair");
  }

  startCore(): Promise<Worker<CoreRole & CommonRole>> {
    return this.start<CoreRole>("core", "core");
  }

  async end(): Promise<void> {
    for (const lane of this.lanes.values()) await endLane(lane);
    await this.server.stop();
  }

  private start<Role extends { [Name in keyof Role]: (...parameters: never[]) => unknown }>(
    script: string,
    name: string,
    parameters: readonly string[] = [],
  ): Promise<Worker<Role & CommonRole>> {
    const { scripts, profile, nodeOptions } = this.options;
    const number = ++this.profiled;
    return Worker.start<Role>({
      script: join(scripts, `${script}.js`),
      name: profile === null ? name : `${name} ${number}`,
      parameters,
      nodeOptions,
      profileTo: profile ?? undefined,
    });
  }
}

async function endLane({ client, relay }: Lane): Promise<void> {
  await client.stop();
  await relay?.stop();
}
