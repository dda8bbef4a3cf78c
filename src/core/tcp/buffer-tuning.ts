// Buffers of one connection grow from their initial sizes with its need, and by what the stack's budget has left.
// Receiving: see receive-tuning.ts. Sending (Linux's tcp_sndbuf_expand, without its dependence on the window): when the
// user was refused and nearly all that was accepted has left already, the buffer is what holds the sender back.
// May use this room's types; time is an argument.

import type { Connection } from "./connection.ts";
import type { TcpOptions } from "./options.ts";
import { ReceiveTuning } from "./receive-tuning.ts";

/** The user took bytes. */
export function tuneReceiving(connection: Connection, now: number, count: number): void {
  const { receiving, sending, roundTrip, options, host } = connection;
  // Who says little needs no measure of it.
  if (receiving.next <= WORTH_MEASURING) return;
  receiving.tuning ??= new ReceiveTuning(now, receiving.edge, receiving.limit);
  const { limit } = receiving;
  const wanted = receiving.tuning.took(now, count, roundTrip.srtt, sending.mss, limit);
  if (wanted > limit) receiving.limit = host.memory.grow(limit, Math.min(wanted, options.receiveBuffer));
}

const WORTH_MEASURING = 16 << 10;

/** Something left or was acknowledged while the user waits for room. */
export function tuneSending(connection: Connection): void {
  const { sending, options, host } = connection;
  const { limit } = sending;
  if (limit >= options.sendBuffer || sending.unsent * 4 > limit) return;
  sending.limit = host.memory.grow(limit, Math.min(limit * 2, options.sendBuffer));
}

/** The user has set other sizes than those of `before`. What is granted already stays granted. */
export function resizeBuffers(connection: Connection, before: TcpOptions): void {
  const { sending, receiving, options, host } = connection;
  const old = charged(connection, before);
  receiving.limit = clamp(receiving.limit, receiveStart(options), options.receiveBuffer);
  sending.limit = clamp(sending.limit, sendStart(options), options.sendBuffer);
  host.memory.shrink(old - charged(connection, options));
}

/** The connection is over: what its buffers have grown by is free for others. */
export function returnMemory(connection: Connection): void {
  const { sending, receiving, options, host } = connection;
  host.memory.shrink(charged(connection, options));
  receiving.limit = receiveStart(options);
  sending.limit = sendStart(options);
}

export function receiveStart(options: TcpOptions): number {
  return Math.min(options.initialReceiveBuffer, options.receiveBuffer);
}

export function sendStart(options: TcpOptions): number {
  return Math.min(options.initialSendBuffer, options.sendBuffer);
}

function charged(connection: Connection, options: TcpOptions): number {
  const { sending, receiving } = connection;
  return receiving.limit - receiveStart(options) + (sending.limit - sendStart(options));
}

function clamp(size: number, least: number, most: number): number {
  return Math.min(Math.max(size, least), most);
}
