// The public face of core/link: the contract of a link, the clock, and the driver that runs a stack over links.
// Below tunnel, relay and adapters; above wire, stack and net.

export { DEFAULT_RECEIVE_CAP } from "./budget.ts";
export type { Clock, Micros, RandomBytes, TimerHandle } from "./clock.ts";
export { systemClock, systemRandom } from "./clock.ts";
export { ConnectionListener } from "./connection-listener.ts";
export { ConnectionSource } from "./connection-source.ts";
export type { ControlMessage, ControlValue } from "./control-codec.ts";
export { ControlType, decodeControl, encodeControl, MAX_CONTROL_DEPTH } from "./control-codec.ts";
export { Driver } from "./driver.ts";
export type {
  AttachOptions,
  DialOptions,
  DialTarget,
  DriverLimits,
  DriverOptions,
  ListenTarget,
} from "./driver-options.ts";
export type { FrameSink } from "./frames.ts";
export { CONTROL_HEADER, FrameReader, frameLength, MAX_FRAME, readFrames } from "./frames.ts";
export type { Link, LinkClosed, LinkDialer, LinkHandler } from "./link.ts";
export { LinkCloseCode, MAX_MESSAGE } from "./link.ts";
export { LinkPort } from "./link-port.ts";
export { memoryLinkPair } from "./memory-link.ts";
export { MessageMemory } from "./message-writer.ts";
export { PacketBridge, type PacketBridgeCounters, type PacketBridgeOptions } from "./packet-bridge.ts";
export { StackNetwork } from "./stack-network.ts";
export type { TransmitSource } from "./transmit-source.ts";
