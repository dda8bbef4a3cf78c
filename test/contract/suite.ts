// The contract of TcpStream and TcpListener, written once and run on every network in every runtime. It names no
// runtime and no test framework: see runner.ts for what it needs, vitest-runner.ts for the usual binding.

import { accepting } from "./accepting.ts";
import { connecting } from "./connecting.ts";
import { deadlines } from "./deadlines.ts";
import { halfClose } from "./half-close.ts";
import { leaks } from "./leaks.ts";
import { piping } from "./piping.ts";
import { reading } from "./reading.ts";
import { resets } from "./resets.ts";
import type { Runner } from "./runner.ts";
import { webStreams } from "./web-streams.ts";
import { type Capabilities, defaultLimits, everything, type Limits, Place, type World } from "./world.ts";
import { writing } from "./writing.ts";

export interface ContractOptions {
  /** What is tested, for the names of the tests: `"node"`, `"tunnel to gateway"`. */
  readonly name: string;
  /** Called once, before the first test. */
  readonly open: () => Promise<World>;
  /** What the network cannot do, each with the reason. */
  readonly gaps?: Partial<{ readonly [Name in keyof Capabilities]: string }>;
  readonly limits?: Partial<Limits>;
}

/** How the chapters of the suite declare their tests. */
export interface Chapter {
  readonly limits: Limits;
  /** A test in a place of its own; with `needs`, only where the network can do that. */
  test(name: string, body: (place: Place) => Promise<void>, ...needs: Array<keyof Capabilities>): void;
}

export function contractSuite(options: ContractOptions, runner: Runner): void {
  const capabilities: Capabilities = { ...everything, ...options.gaps };
  const limits: Limits = { ...defaultLimits, ...options.limits };
  let opening: Promise<World> | undefined;
  const chapter: Chapter = {
    limits,
    test(name, body, ...needs) {
      const title = `${options.name}: ${name}`;
      const reason = needs.map((need) => capabilities[need]).find((capability) => capability !== true);
      if (typeof reason === "string") {
        runner.skip(title, reason);
        return;
      }
      runner.test(title, async () => {
        opening ??= options.open();
        const place = new Place(await opening, limits);
        try {
          await body(place);
        } finally {
          await place.leave();
        }
      });
    },
  };
  for (const declare of [
    connecting,
    accepting,
    reading,
    writing,
    halfClose,
    resets,
    deadlines,
    webStreams,
    piping,
    leaks,
  ]) {
    declare(chapter);
  }
  runner.after(async () => {
    await (await opening)?.close();
  });
}
