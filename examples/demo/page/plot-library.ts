// uPlot, loaded beside the page and not as a part of it: a browser in which it cannot be loaded lacks a plot, no more.

import type uPlot from "uplot";

export type PlotLibrary = typeof uPlot;

export async function loadPlotLibrary(): Promise<PlotLibrary> {
  mendLanguage();
  return (await import("uplot")).default;
}

/**
 * uPlot gives navigator.language to Intl when it is loaded. Chromium makes it of the locale of its process, and with
 * LANG=C.UTF-8, as in most containers, of "en-US@posix", which Intl refuses with a RangeError.
 */
function mendLanguage(): void {
  try {
    new Intl.NumberFormat(navigator.language);
  } catch {
    Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });
  }
}
