// The card that cuts the WebSocket: by hand or every second, while bytes move and their hash runs along.

import { NetError, type Tunnel } from "fourtuple";
import { element } from "./elements.ts";
import { bytes } from "./format.ts";
import { LinkStrip, STEPS_A_SECOND } from "./link-strip.ts";
import type { Outages } from "./outages.ts";
import { Transfer } from "./transfer.ts";

/** What is moved: 256 MiB, or as the address says (?mib=32). */
const TOTAL: number = Number(new URLSearchParams(location.search).get("mib") ?? 256) * (1 << 20);
const CUT_EVERY = 1_000;

export class CutCard {
  private readonly outages: Outages;
  private readonly move = element("move", HTMLButtonElement);
  private readonly verdict = element("verdict", HTMLParagraphElement);
  private readonly strip: LinkStrip;
  private transfer: Transfer | null = null;
  private cutsBefore = 0;
  private startedAt = 0;

  constructor(outages: Outages) {
    this.outages = outages;
    this.strip = new LinkStrip(element("strip", HTMLCanvasElement), outages.all);
  }

  /** @param source The address of a server that sends as many bytes as it is asked for, and their SHA-256. */
  open(tunnel: Tunnel, source: string): void {
    const cut = element("cut", HTMLButtonElement);
    const auto = element("auto", HTMLInputElement);
    cut.addEventListener("click", () => tunnel.cutLink());
    setInterval(() => {
      if (auto.checked) tunnel.cutLink();
    }, CUT_EVERY);
    this.move.addEventListener("click", () => void this.run(tunnel, source));
    this.move.textContent = `Move ${bytes(TOTAL)}`;
    for (const control of [cut, auto, this.move]) control.disabled = false;
    setInterval(() => this.show(tunnel), 1_000 / STEPS_A_SECOND);
  }

  private async run(tunnel: Tunnel, source: string): Promise<void> {
    const transfer = new Transfer(TOTAL);
    this.transfer = transfer;
    this.cutsBefore = this.outages.count;
    this.startedAt = performance.now();
    this.move.disabled = true;
    this.tell("running", "on its way");
    try {
      await transfer.run(tunnel, source);
      const seconds = (performance.now() - this.startedAt) / 1_000;
      const cuts = this.outages.count - this.cutsBefore;
      const isSame = transfer.state.hash === transfer.state.told;
      const how = `${bytes(TOTAL)} in ${seconds.toFixed(1)} s, cut ${cuts === 1 ? "once" : `${cuts} times`}`;
      if (isSame) this.tell("good", `Equal: no byte lost, doubled or out of order. ${how}`);
      else this.tell("bad", `The hashes differ. ${how}`);
    } catch (error) {
      this.tell("bad", NetError.is(error) ? `${error.message} (${error.code})` : String(error));
    }
    this.showTransfer();
    this.move.disabled = false;
    this.move.textContent = `Move ${bytes(TOTAL)} again`;
  }

  private show(tunnel: Tunnel): void {
    let received = 0;
    for (const link of tunnel.info().links) received += link.bytesReceived;
    this.strip.step(this.totalOf(received));
    const { count, last, longest } = this.outages;
    element("cuts", HTMLElement).textContent = String(count);
    element("outage-last", HTMLElement).textContent = count === 0 ? "none yet" : time(last);
    element("outage-longest", HTMLElement).textContent = count === 0 ? "none yet" : time(longest);
    if (this.move.disabled) this.showTransfer();
  }

  /** A new link counts from 0. */
  private totalOf(received: number): number {
    if (received < this.onLink) this.onOlderLinks += this.onLink;
    this.onLink = received;
    return this.onOlderLinks + received;
  }
  private onLink = 0;
  private onOlderLinks = 0;

  private showTransfer(): void {
    if (this.transfer === null) return;
    const { moved, total, hash, told } = this.transfer.state;
    const seconds = (performance.now() - this.startedAt) / 1_000;
    element("moved", HTMLProgressElement).value = moved / total;
    element("amount", HTMLElement).textContent = `${bytes(moved)} of ${bytes(total)}`;
    if (this.move.disabled)
      element("rate", HTMLElement).textContent = `${bytes(Math.round(moved / seconds))}/s`;
    element("hash-here", HTMLElement).textContent = hash;
    element("hash-there", HTMLElement).textContent = told === "" ? "told at the end" : told;
  }

  private tell(tone: "running" | "good" | "bad", text: string): void {
    this.verdict.dataset["tone"] = tone;
    this.verdict.textContent = text;
  }
}

function time(micros: number): string {
  return micros < 1_000_000 ? `${(micros / 1_000).toFixed(0)} ms` : `${(micros / 1_000_000).toFixed(1)} s`;
}
