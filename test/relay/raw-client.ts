// A client that speaks the protocol by hand: for what Tunnel would never send.
import { once } from "node:events";
import { type ClientOptions, WebSocket } from "ws";
import {
  type ControlMessage,
  ControlType,
  decodeControl,
  encodeControl,
} from "../../src/core/link/control-codec.ts";
import { CONTROL_HEADER, frameLength } from "../../src/core/link/frames.ts";
import { HandshakeType, protocolVersion } from "../../src/tunnel/control-types.ts";
import { readWelcome, type Welcome, writeHello } from "../../src/tunnel/handshake-messages.ts";

export interface Control {
  readonly type: number;
  readonly message: ControlMessage;
}

export class RawClient {
  readonly controls: Control[] = [];
  readonly packets: Uint8Array<ArrayBuffer>[] = [];
  closeCode: number | null = null;
  readonly socket: WebSocket;
  private readonly wakers: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => this.take(new Uint8Array(data)));
    socket.on("close", (code) => {
      this.closeCode = code;
      this.wake();
    });
    socket.on("error", () => {});
  }

  /** Opens the WebSocket; nothing is said yet. */
  static async open(url: string, options: ClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(new WebSocket(url, { perMessageDeflate: false, ...options }));
    await once(client.socket, "open");
    return client;
  }

  /** Opens the WebSocket and shakes hands. */
  static async enter(
    url: string,
    name: string,
    token?: string,
  ): Promise<{ client: RawClient; welcome: Welcome }> {
    const client = await RawClient.open(url);
    client.hello({ name, token });
    const control = await client.control(HandshakeType.welcome);
    const welcome = readWelcome(control);
    if (typeof welcome === "string") throw new Error(welcome);
    return { client, welcome };
  }

  hello(options: {
    readonly name?: string | undefined;
    readonly token?: string | undefined;
    version?: number;
  }): void {
    const hello = writeHello({
      version: options.version ?? protocolVersion,
      nonce: new Uint8Array(32),
      token: options.token,
      name: options.name,
      receiveCap: undefined,
      resume: undefined,
    });
    this.send(encodeControl(HandshakeType.hello, hello));
  }

  send(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  sendControl(type: number, message: ControlMessage): void {
    this.send(encodeControl(type, message));
  }

  /** The next control message of this type. */
  async control(type: number): Promise<ControlMessage> {
    for (;;) {
      const at = this.controls.findIndex((control) => control.type === type);
      if (at >= 0) return this.controls.splice(at, 1)[0].message;
      if (this.closeCode !== null)
        throw new Error(`Closed with ${this.closeCode} before control type ${type}`);
      await this.change();
    }
  }

  async packet(): Promise<Uint8Array<ArrayBuffer>> {
    for (;;) {
      const packet = this.packets.shift();
      if (packet !== undefined) return packet;
      if (this.closeCode !== null) throw new Error(`Closed with ${this.closeCode} before a packet`);
      await this.change();
    }
  }

  async closed(): Promise<number> {
    while (this.closeCode === null) await this.change();
    return this.closeCode;
  }

  async close(): Promise<void> {
    if (this.closeCode !== null) return;
    this.socket.terminate();
    await this.closed();
  }

  private take(bytes: Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < bytes.length; ) {
      const length = frameLength(bytes, at, bytes.length);
      if (length <= 0) throw new Error("The relay sent what is no frame");
      if (bytes[at] === 0) {
        const message = decodeControl(bytes, at + CONTROL_HEADER, at + length);
        if (typeof message === "string") throw new Error(message);
        this.controls.push({ type: bytes[at + 1], message });
      } else {
        this.packets.push(bytes.slice(at, at + length));
      }
      at += length;
    }
    this.wake();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.wakers.push(resolve));
  }

  private wake(): void {
    for (const waker of this.wakers.splice(0)) waker();
  }
}

/** A tunnel that takes a name and then answers no packet; its link lives. Gives what closes it. */
export async function muteTunnel(url: string, name: string): Promise<() => Promise<void>> {
  const { client } = await RawClient.enter(url, name);
  const answerPings = async (): Promise<never> => {
    for (;;) {
      const { id } = await client.control(ControlType.ping);
      client.sendControl(ControlType.pong, { id });
    }
  };
  // It ends with the link.
  answerPings().catch(() => {});
  return () => client.close();
}
