// The public face of core/link: the contract of a link, the clock, and the driver that runs a stack over links.
// Below tunnel, relay and adapters; above wire, stack and net.

export type { Clock, Micros, RandomBytes, TimerHandle } from "./clock.ts";
export { systemClock, systemRandom } from "./clock.ts";
export type { ControlMessage, ControlValue } from "./control-codec.ts";
export type {
  AttachOptions,
  DialOptions,
  DialTarget,
  DriverLimits,
  DriverOptions,
  ListenTarget,
} from "./driver.ts";
export { ConnectionListener, ConnectionSource, Driver, LinkPort } from "./driver.ts";
export type { Link, LinkClosed, LinkDialer, LinkHandler } from "./link.ts";
export { LinkCloseCode, MAX_MESSAGE } from "./link.ts";
export type { TransmitSource } from "./transmit-source.ts";
