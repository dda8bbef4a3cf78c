// What a session costs the relay while its client is away: the clients' process ends, and the relay keeps what it needs to
// take them back. Without streams, and after streams that have come and gone.

import type { Field } from "../field.ts";
import { everyThirdRound, type Measure, wait } from "./measure.ts";

/** Sessions before the first reading, so that tables and pools are there; and those that are counted. */
const BEFORE = 100;
const COUNTED = 1_000;
const STREAMS = 3;
/** Seconds after which TIME-WAIT on the gateway route is over. */
const TIME_WAIT = 1.2;

export const sessions: Measure = {
  name: "sessions",
  contenders: ["tunnel"],
  takesPart: everyThirdRound,
  async run(field) {
    return {
      "session-detached": await detachedMemory(field, 0),
      "session-used": await detachedMemory(field, STREAMS),
    };
  },
};

/** KiB of a detached session that has had so many streams. */
async function detachedMemory(field: Field, streams: number): Promise<number> {
  return field.lease(await field.freshLane("tunnel"), async ({ relay, place }) => {
    if (relay === null) throw new Error("A tunnel without a relay");
    const leave = async (count: number): Promise<number> => {
      const clients = await field.startSessions();
      try {
        await clients.call("open", place.relayPort, place.serverPort, count, streams);
      } finally {
        await clients.stop();
      }
      await wait(TIME_WAIT);
      return (await relay.call("memory")).held;
    };
    const before = await leave(BEFORE);
    return ((await leave(COUNTED)) - before) / 1024 / COUNTED;
  });
}
