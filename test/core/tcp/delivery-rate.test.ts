// Delivery-rate samples, draft-cheng-iccrg-delivery-rate-estimation §3.

import { describe, expect, it } from "vitest";
import { DeliveryRate } from "../../../src/core/tcp/delivery-rate.ts";
import { SentRecord } from "../../../src/core/tcp/sent-records.ts";

const MS = 1000;

function record(length: number, sentAt: number): SentRecord {
  const made = new SentRecord();
  made.end = length;
  made.sentAt = sentAt;
  return made;
}

describe("DeliveryRate", () => {
  it("is what was delivered over the time it took", () => {
    const rate = new DeliveryRate();
    const flight = [0, 10, 20, 30].map((at) => record(1000, at * MS));
    flight.forEach((sent, index) => {
      rate.sent(sent, sent.sentAt, index === 0);
    });
    for (const [index, sent] of flight.entries()) {
      const now = (100 + index * 10) * MS;
      rate.acknowledged(sent, now, 1000);
      rate.finish(now, 50 * MS);
    }
    // Four thousand bytes from 0 to 130 ms.
    expect(rate.delivered).toBe(4000);
    expect(Math.round(rate.rate)).toBe(Math.round((4000 * 1e6) / (130 * MS)));
  });

  it("ACKs that come compressed do not make it faster than it was sent", () => {
    const rate = new DeliveryRate();
    const flight = Array.from({ length: 11 }, (_, index) => record(1000, index * 10 * MS));
    flight.forEach((sent, index) => {
      rate.sent(sent, sent.sentAt, index === 0);
    });
    for (const sent of flight) rate.acknowledged(sent, 200 * MS, 1000);
    rate.finish(200 * MS, 10 * MS);
    expect(rate.rate).toBeLessThanOrEqual((11_000 * 1e6) / (100 * MS));
  });

  it("a sample shorter than the least round trip means nothing", () => {
    const rate = new DeliveryRate();
    const sent = record(1000, 0);
    rate.sent(sent, 0, true);
    rate.acknowledged(sent, 5 * MS, 1000);
    rate.finish(5 * MS, 50 * MS);
    expect(rate.rate).toBe(0);
    rate.finish(60 * MS, 50 * MS);
    expect(rate.rate).toBe(0);
  });

  it("marks samples that the user's own pace limited, until they are delivered", () => {
    const rate = new DeliveryRate();
    const first = record(1000, 0);
    rate.markAppLimited(0);
    rate.sent(first, 0, true);
    rate.acknowledged(first, 100 * MS, 1000);
    rate.finish(100 * MS, 10 * MS);
    expect(rate.appLimited).toBe(true);
    const second = record(1000, 200 * MS);
    rate.sent(second, 200 * MS, true);
    rate.acknowledged(second, 300 * MS, 1000);
    rate.finish(300 * MS, 10 * MS);
    expect(rate.appLimited).toBe(false);
  });
});
