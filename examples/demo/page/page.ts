// The page: one tunnel to the relay that served it, a site of its own, and everything that its stack does in view.

import { NetError, Tunnel } from "fourtuple";
import { webSocketDialer } from "fourtuple/websocket";
import { ConnectionView } from "./connection-view.ts";
import { ConnectionWatch } from "./connection-watch.ts";
import { CutCard } from "./cut-card.ts";
import { element } from "./elements.ts";
import { FileShelf } from "./file-shelf.ts";
import { Outages } from "./outages.ts";
import { Talk } from "./talk.ts";

const status = element("tunnel", HTMLParagraphElement);
const watch = new ConnectionWatch();
const outages = new Outages();

try {
  const relay = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`;
  const { hints, source } = (await (await fetch("demo.json")).json()) as DemoFacts;
  const tunnel = await Tunnel.open(watch.through(webSocketDialer(relay)));
  watch.observe(tunnel);
  outages.observe(tunnel);
  new ConnectionView(watch, outages.all);
  new CutCard(outages).open(tunnel, source);
  new Talk(hints).open(tunnel);
  await new FileShelf().open(tunnel);
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
  readonly hints: readonly string[];
  /** A server that sends bytes and their hash. */
  readonly source: string;
}

function show(phase: "open" | "detached" | "closed", text: string): void {
  status.dataset["phase"] = phase;
  status.textContent = text;
}

function fail(error: unknown): void {
  show(
    "closed",
    NetError.is(error) ? `${error.message} (${error.code}). Reload to try again` : String(error),
  );
}
