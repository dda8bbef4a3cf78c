// What a test leaves behind: sockets, as the kernel counts them, and timers. Taken before and after, it must be the same.

import { openSockets } from "../adapters/open-sockets.ts";

export interface Held {
  readonly sockets: number;
  readonly timers: number;
}

export function held(): Held {
  const resources = process.getActiveResourcesInfo();
  return {
    sockets: openSockets() ?? resources.filter((name) => name.startsWith("TCP")).length,
    timers: resources.filter((name) => name === "Timeout").length,
  };
}

/** Waits until no more is held than before, and says what is when that never comes. */
export async function released(before: Held): Promise<void> {
  for (let patience = 0; patience < 300; patience++) {
    const now = held();
    if (now.sockets <= before.sockets && now.timers <= before.timers + OWN_TIMER) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`Left behind: ${JSON.stringify(held())}; before there were ${JSON.stringify(before)}`);
}

/** The one that this very file sleeps by has fired when it looks; what vitest keeps is counted in both. */
const OWN_TIMER = 0;
