// Shows what connection-watch.ts sees: the list on the left, one connection in detail on the right.

import type { ConnectionModel } from "./connection-model.ts";
import type { ConnectionWatch } from "./connection-watch.ts";
import { element, make } from "./elements.ts";
import { bytes, milliseconds } from "./format.ts";
import type { Outage } from "./outages.ts";
import { loadPlotLibrary, type PlotLibrary } from "./plot-library.ts";
import { SequencePlot } from "./sequence-plot.ts";

export class ConnectionView {
  private readonly watch: ConnectionWatch;
  private readonly outages: readonly Outage[];
  private readonly list = element("connections", HTMLUListElement);
  private readonly rows = new Map<ConnectionModel, HTMLLIElement>();
  private readonly packets = element("packets", HTMLPreElement);
  private library: PlotLibrary | null = null;
  private plot: SequencePlot | null = null;
  private shown: ConnectionModel | null = null;
  private shownRevision = -1;
  private isChosen = false;

  constructor(watch: ConnectionWatch, outages: readonly Outage[]) {
    this.watch = watch;
    this.outages = outages;
    element("capture", HTMLButtonElement).addEventListener("click", () => this.download());
    setInterval(() => this.refresh(), REFRESH);
    void this.load();
  }

  private async load(): Promise<void> {
    try {
      this.library = await loadPlotLibrary();
      this.shownRevision = -1;
    } catch (error) {
      element("plot", HTMLDivElement).textContent = `The plot could not be loaded: ${error}`;
    }
  }

  private refresh(): void {
    const { models } = this.watch;
    element("count", HTMLSpanElement).textContent = String(models.length);
    element("none", HTMLParagraphElement).hidden = models.length > 0;
    element("live", HTMLDivElement).hidden = models.length === 0;
    for (const [model, row] of this.rows) {
      if (models.includes(model)) continue;
      row.remove();
      this.rows.delete(model);
    }
    for (const model of [...models].reverse()) if (!this.rows.has(model)) this.addRow(model);
    for (const [model, row] of this.rows) this.updateRow(model, row);
    // Until somebody chooses, the latest connection is shown.
    const latest = models[0];
    if (latest !== undefined && (!this.isChosen || this.shown === null || !models.includes(this.shown))) {
      this.show(latest);
    }
    this.updateDetail();
  }

  private addRow(model: ConnectionModel): void {
    const row = make("li");
    const button = make("button");
    button.type = "button";
    const what = make("span", "what");
    what.append(make("span"), make("span"));
    button.append(make("span", "who", model.title), what);
    button.addEventListener("click", () => {
      this.isChosen = true;
      this.show(model);
      this.refresh();
    });
    row.append(button);
    this.list.prepend(row);
    this.rows.set(model, row);
  }

  private updateRow(model: ConnectionModel, row: HTMLLIElement): void {
    const info = model.connection.info(0);
    const who = row.querySelector<HTMLSpanElement>(".who");
    if (who !== null) who.textContent = model.title;
    const [state, amount] = row.querySelectorAll<HTMLSpanElement>(".what span");
    row.querySelector("button")?.setAttribute("aria-pressed", String(model === this.shown));
    if (state === undefined || amount === undefined) return;
    state.textContent = info.state;
    state.className =
      info.state === "ESTABLISHED" ? "state-open" : info.state === "CLOSED" ? "" : "state-closing";
    amount.textContent = `${bytes(info.bytesSent)} out, ${bytes(info.bytesReceived)} in`;
  }

  private show(model: ConnectionModel): void {
    if (this.shown === model) return;
    this.shown = model;
    this.shownRevision = -1;
  }

  private updateDetail(): void {
    const model = this.shown;
    if (model === null || this.shownRevision === model.revision) return;
    this.shownRevision = model.revision;
    if (this.library !== null) {
      this.plot ??= new SequencePlot(this.library, element("plot", HTMLDivElement));
      this.plot.show(model.plot, model.gaps(this.outages));
    }
    const { local, localPort, remote, remotePort } = model.connection;
    element("detail-title", HTMLHeadingElement).textContent =
      `[${local}]:${localPort} \u2194 [${remote}]:${remotePort}`;
    this.showFigures(model);
    const atEnd = this.packets.scrollTop + this.packets.clientHeight > this.packets.scrollHeight - 30;
    this.packets.textContent = model.lastPackets;
    if (atEnd) this.packets.scrollTop = this.packets.scrollHeight;
  }

  private showFigures(model: ConnectionModel): void {
    const info = model.connection.info(0);
    const figures: readonly [string, string][] = [
      ["state", info.state],
      ["round trip", milliseconds(info.rtt)],
      ["least round trip", milliseconds(info.minRtt)],
      ["timeout", milliseconds(info.rto)],
      ["window to send", bytes(info.sendWindow)],
      ["window granted", bytes(info.receiveWindow)],
      ["congestion window", bytes(info.cwnd)],
      ["segment size", bytes(info.mss)],
      ["sent", bytes(info.bytesSent)],
      ["received", bytes(info.bytesReceived)],
      ["in flight", bytes(info.inFlight)],
      ["sent again", String(info.retransmits)],
      ["segments out", String(info.segmentsSent)],
      ["segments in", String(info.segmentsReceived)],
      ["delivery rate", `${bytes(Math.round(info.deliveryRate))}/s`],
      ["route", info.reliable ? "gateway, reliable" : `peer, ${info.congestionControl}`],
    ];
    const rows = figures.map(([name, value]) => {
      const row = make("div");
      row.append(make("dt", "", name), make("dd", "", value));
      return row;
    });
    element("figures", HTMLDListElement).replaceChildren(...rows);
  }

  private download(): void {
    const model = this.shown;
    if (model === null) return;
    const link = make("a");
    link.href = URL.createObjectURL(model.capture());
    link.download = `fourtuple-${model.connection.localPort}-${model.connection.remotePort}.pcapng`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}

const REFRESH = 250;
