// The net.Socket that this adapter opens in Node itself, where Node would tell less than the kernel: a reset taken
// for the end of the stream, and bytes thrown away because a write has failed.

import net from "node:net";
import process from "node:process";

/**
 * Also what node:net sets in its copy of the options, to what it sets there: adding to a copy makes a new shape of object
 * for every socket, and V8 looks each option up the slow way then (10 µs).
 */
interface SocketOptions extends net.SocketConstructorOpts {
  readonly emitClose: false;
  readonly autoDestroy: true;
  readonly decodeStrings: false;
  readonly onread: net.OnReadOpts;
}

export class DialledSocket extends net.Socket {
  /** The peer's end is certain. */
  endConfirmed = false;
  private endTold = false;
  private writeError: Error | null = null;
  private readonly isPeerUnasked: boolean;

  /** @param isPeerUnasked Nobody asks this socket for its peer's address, which Node would remember. */
  constructor(onread: net.OnReadOpts, isPeerUnasked: boolean) {
    const options: SocketOptions = {
      allowHalfOpen: true,
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
      onread,
    };
    super(options);
    this.isPeerUnasked = isPeerUnasked;
    // Nothing is read before somebody asks.
    this.pause();
  }

  /**
   * libuv before 1.52 reports the end, not the reset, when bytes and RST come in one poll: a truncated stream would
   * look complete. A socket that still has a peer was not reset. Of any other the end is asked for twice: after the
   * true one the kernel says it again, after a reset it says ECONNRESET now.
   */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null) return super.push(chunk, encoding);
    if (!this.endTold && process.platform !== "win32" && !this.hasPeer) {
      this.endTold = true;
      this.pause();
      this.resume();
      return false;
    }
    this.endConfirmed = true;
    if (this.writeError === null) return super.push(null);
    super.destroy(this.writeError);
    return false;
  }

  /**
   * Node destroys a socket when a write fails. The kernel still has what the peer sent before its reset (an early
   * answer to a long request, say): reading goes on until that has come to its end.
   */
  override destroy(error?: Error): this {
    if (error === undefined || this.writeError !== null || this.destroyed || this.readableEnded) {
      return super.destroy(error);
    }
    if ((error as NodeJS.ErrnoException).syscall !== "write") return super.destroy(error);
    this.writeError = error;
    return this;
  }

  /** The kernel says so now. */
  private get hasPeer(): boolean {
    return this.isPeerUnasked && this.remoteAddress !== undefined;
  }
}
