// The frames of the thinnest multiplexer: the stream's number (u32) and its bytes, one frame a WebSocket message. A
// number not seen before opens a stream; a frame without bytes ends it.

import type { WebSocket } from "ws";

export const MUX_HEADER = 4;
/** Most bytes of a stream in one frame. */
export const MUX_FRAME = 65_536;
/** Bytes in the WebSocket's buffer from which on streams wait. */
export const MUX_HIGH_WATER = 262_144;

const sendOptions = { binary: true, compress: false } as const;

export function sendFrame(ws: WebSocket, id: number, bytes: Uint8Array, sent?: () => void): void {
  const frame = Buffer.allocUnsafe(MUX_HEADER + bytes.length);
  frame.writeUInt32BE(id, 0);
  frame.set(bytes, MUX_HEADER);
  ws.send(frame, sendOptions, sent);
}
