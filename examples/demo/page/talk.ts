// Dial an address and talk: lines go out, bytes come in, and the three endings of TCP have a button each.

import { NetError, type TcpStream, type Tunnel } from "fourtuple";
import { element, make } from "./elements.ts";

/** A server that the demo offers. */
export interface Hint {
  readonly name: string;
  readonly address: string;
  readonly lineEnd: "crlf" | "lf";
  /** What one says to it. */
  readonly say: string;
}

export class Talk {
  private readonly hints: readonly Hint[];
  private readonly address = element("address", HTMLInputElement);
  private readonly line = element("line", HTMLInputElement);
  private readonly lineEnd = element("line-end", HTMLSelectElement);
  private call: Call | null = null;

  constructor(hints: readonly Hint[]) {
    this.hints = hints;
    this.address.value = hints[0]?.address ?? "";
    for (const { name, address } of hints) {
      const button = make("button", "", address);
      button.type = "button";
      button.addEventListener("click", () => {
        this.address.value = address;
        element("dial", HTMLFormElement).requestSubmit();
      });
      const item = make("li");
      item.append(`${name} `, button);
      element("hints", HTMLUListElement).append(item);
    }
  }

  open(tunnel: Tunnel): void {
    element("dial", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.dial(tunnel);
    });
    element("say", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.call?.say(this.line.value, this.lineEnd.value === "lf" ? "\n" : "\r\n");
      this.line.value = "";
    });
    element("finish", HTMLButtonElement).addEventListener("click", () => void this.call?.finish());
    element("reset", HTMLButtonElement).addEventListener("click", () => this.call?.reset());
  }

  private dial(tunnel: Tunnel): void {
    this.call?.leave();
    element("talk", HTMLDivElement).hidden = false;
    const address = this.address.value.trim();
    const hint = this.hints.find((candidate) => candidate.address === address);
    // What most protocols of lines ask for, unless it is known better.
    this.lineEnd.value = hint?.lineEnd ?? "crlf";
    this.line.placeholder = hint?.say ?? "Type a line and press Enter";
    this.call = new Call(tunnel, address);
  }
}

/** One connection and its transcript, which it writes as long as no other one has begun. */
class Call {
  private readonly transcript = element("transcript", HTMLPreElement);
  private readonly leaving = new AbortController();
  private stream: TcpStream | null = null;
  private isWritable = false;

  constructor(tunnel: Tunnel, address: string) {
    this.transcript.textContent = "";
    void this.run(tunnel, address);
  }

  /** Another call begins: this one is reset, and silent from now on. */
  leave(): void {
    this.leaving.abort();
    this.stream?.abort();
  }

  async say(text: string, end: string): Promise<void> {
    if (!this.isWritable) return;
    this.tell("sent", `${text}\n`);
    await this.attempt(async () => await this.stream?.writeAll(new TextEncoder().encode(text + end)));
  }

  async finish(): Promise<void> {
    if (!this.isWritable) return;
    this.allow(false);
    await this.attempt(async () => {
      await this.stream?.closeWrite();
      this.tell("note", "this end has finished; reading goes on\n");
    });
  }

  reset(): void {
    const { stream } = this;
    if (stream === null) return;
    this.end("this end has reset the connection");
    stream.abort();
  }

  private async run(tunnel: Tunnel, address: string): Promise<void> {
    this.allow(false);
    this.tell("note", `dialling ${address}\n`);
    await this.attempt(async () => {
      const { signal } = this.leaving;
      const stream = await tunnel.connect(address, { timeout: 10_000, signal });
      if (signal.aborted) return stream.abort();
      this.stream = stream;
      this.tell("note", `connected to ${stream.peerAddr}\n`);
      this.allow(true);
      element("line", HTMLInputElement).focus();
      await this.listen(stream);
    });
  }

  private async listen(stream: TcpStream): Promise<void> {
    const decoder = new TextDecoder();
    for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk()) {
      this.tell("", decoder.decode(chunk, { stream: true }));
    }
    this.end("the other end has finished");
    await stream.close();
  }

  private async attempt(operation: () => Promise<unknown>): Promise<void> {
    try {
      await operation();
    } catch (error) {
      const text = NetError.is(error) ? `${error.message} (${error.code})` : String(error);
      this.end(text, "failure");
    }
  }

  /** Says so once: what fails after the end fails because of it. */
  private end(text: string, className = "note"): void {
    if (this.isOver) return;
    this.tell(className, `${text}\n`);
    this.isOver = true;
    this.stream = null;
    this.allow(false);
  }
  private isOver = false;

  private allow(isWritable: boolean): void {
    if (this.leaving.signal.aborted) return;
    this.isWritable = isWritable;
    for (const id of ["send", "finish"]) element(id, HTMLButtonElement).disabled = !isWritable;
    element("line", HTMLInputElement).disabled = !isWritable;
    element("reset", HTMLButtonElement).disabled = this.stream === null;
  }

  private tell(className: string, text: string): void {
    if (this.leaving.signal.aborted || this.isOver) return;
    const isRemark = className === "note" || className === "failure";
    const last = this.transcript.lastChild?.textContent ?? "\n";
    this.transcript.append(make("span", className, isRemark && !last.endsWith("\n") ? `\n${text}` : text));
    // What was said long ago goes: a page that has run for a day is no longer than one that just began.
    while (this.transcript.childNodes.length > 2_000) this.transcript.firstChild?.remove();
    this.transcript.scrollTop = this.transcript.scrollHeight;
  }
}
