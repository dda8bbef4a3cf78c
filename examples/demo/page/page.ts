// The page: one tunnel to the relay that served it, a site of its own, and everything that its stack does in view.

import { NetError, Tunnel } from "fourtuple";
import type { LinkDialer } from "fourtuple/core";
import { webSocketDialer } from "fourtuple/websocket";
import { ConnectionView } from "./connection-view.ts";
import { ConnectionWatch } from "./connection-watch.ts";
import { CutCard } from "./cut-card.ts";
import { element } from "./elements.ts";
import { FileShelf } from "./file-shelf.ts";
import { keepSession, takeKeptSession } from "./kept-session.ts";
import { Outages } from "./outages.ts";
import { type Hint, Talk } from "./talk.ts";

const status = element("tunnel", HTMLParagraphElement);
const watch = new ConnectionWatch();
const outages = new Outages();

try {
  const relay = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`;
  const { hints, source } = (await (await fetch("demo.json")).json()) as DemoFacts;
  const shelf = new FileShelf();
  const kept = takeKeptSession();
  const tunnel = await open(watch.through(webSocketDialer(relay)), kept?.name);
  watch.observe(tunnel);
  outages.observe(tunnel);
  new ConnectionView(watch, outages.all);
  new CutCard(outages).open(tunnel, source);
  new Talk(hints).open(tunnel);
  const port = await shelf.open(tunnel, kept?.port);
  keepSession({ name: tunnel.name, port });
  show("open", `${tunnel.name}.peer`);
  const rtt = setInterval(() => {
    const [link] = tunnel.info().links;
    if (link?.rtt !== undefined) show("open", `${tunnel.name}.peer, round trip ${link.rtt.toFixed(1)} ms`);
  }, 1_000);
  tunnel.addEventListener("detached", () => show("detached", `${tunnel.name}.peer, coming back`));
  tunnel.addEventListener("resumed", () => show("open", `${tunnel.name}.peer`));
  tunnel.closed.catch((error: unknown) => fail(error)).finally(() => clearInterval(rtt));
} catch (error) {
  fail(error);
}

interface DemoFacts {
  /** What may be dialled. */
  readonly hints: readonly Hint[];
  /** A server that sends bytes and their hash. */
  readonly source: string;
}

/** A page that is loaded again takes its name over, and ends the session that it left. */
async function open(dialer: LinkDialer, name: string | undefined): Promise<Tunnel> {
  try {
    return await Tunnel.open(dialer, { name });
  } catch (error) {
    const isTaken = NetError.is(error, "EADDRINUSE") || NetError.is(error, "ERR_DENIED");
    if (name === undefined || !isTaken) throw error;
    return Tunnel.open(dialer);
  }
}

function show(phase: "open" | "detached" | "closed", text: string): void {
  // What index.html has put there, an error of this program, stays.
  if (status.dataset["phase"] === "failed") return;
  status.dataset["phase"] = phase;
  status.textContent = text;
}

function fail(error: unknown): void {
  show(
    "closed",
    NetError.is(error) ? `${error.message} (${error.code}). Reload to try again` : String(error),
  );
}
