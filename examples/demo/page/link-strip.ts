// The last half minute of the link: how much came in, and where it was cut. A cut on the same machine lasts a few
// milliseconds: its mark is as wide as can be seen.

import { systemClock } from "fourtuple/core";
import type { Outage } from "./outages.ts";

export class LinkStrip {
  private readonly canvas: HTMLCanvasElement;
  private readonly outages: readonly Outage[];
  /** Bytes that came in each step, the oldest first. */
  private readonly steps: number[] = [];
  private lastBytes = 0;
  private lastAt = 0;

  constructor(canvas: HTMLCanvasElement, outages: readonly Outage[]) {
    this.canvas = canvas;
    this.outages = outages;
  }

  /** Called STEPS_A_SECOND times a second with all bytes that the tunnel has received. */
  step(received: number): void {
    const now = systemClock.now();
    // A background tab is called once a second or less: what came then is spread over the steps that were missed.
    const missed = Math.max(1, Math.round(((now - this.lastAt) / 1_000_000) * STEPS_A_SECOND));
    const share = Math.max(0, received - this.lastBytes) / Math.min(missed, STEPS);
    for (let step = 0; step < Math.min(missed, STEPS); step++) this.steps.push(share);
    this.steps.splice(0, Math.max(0, this.steps.length - STEPS));
    this.lastBytes = received;
    this.lastAt = now;
    this.draw(now);
  }

  private draw(now: number): void {
    const { canvas } = this;
    const context = canvas.getContext("2d");
    const scale = devicePixelRatio;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (context === null || width === 0) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const line = 3 * scale;
    this.drawBytes(context, width, height - line, style.color);
    context.fillStyle = style.color;
    context.fillRect(0, height - line, width, line);
    context.fillStyle = style.outlineColor;
    for (const { from, to } of this.outages) {
      const left = width * (1 - (now - from) / SPAN);
      const right = width * (1 - (now - (to ?? now)) / SPAN);
      if (right >= 0) context.fillRect(left, 0, Math.max(2 * scale, right - left), height);
    }
  }

  private drawBytes(context: CanvasRenderingContext2D, width: number, height: number, colour: string): void {
    const most = Math.max(LEAST_PEAK, ...this.steps);
    const step = width / STEPS;
    const first = STEPS - this.steps.length;
    context.globalAlpha = 0.35;
    context.fillStyle = colour;
    this.steps.forEach((bytes, index) => {
      const tall = (bytes / most) * height * 0.95;
      context.fillRect((first + index) * step, height - tall, step + 0.5, tall);
    });
    context.globalAlpha = 1;
  }
}

export const STEPS_A_SECOND = 10;
const SECONDS = 30;
const STEPS: number = SECONDS * STEPS_A_SECOND;
const SPAN: number = SECONDS * 1_000_000;
/** Bytes in a step that fill the strip, when nothing larger does. */
const LEAST_PEAK = 64 << 10;
