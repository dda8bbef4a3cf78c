// Dial an address and talk: lines go out, bytes come in, and the three endings of TCP have a button each.

import { NetError, type TcpStream, type Tunnel } from "fourtuple";
import { element, make } from "./elements.ts";

export class Talk {
  private readonly address = element("address", HTMLInputElement);
  private readonly transcript = element("transcript", HTMLPreElement);
  private readonly line = element("line", HTMLInputElement);
  private stream: TcpStream | null = null;

  constructor(hints: readonly string[]) {
    this.address.value = hints[0] ?? "";
    for (const hint of hints) {
      const button = make("button", "", hint);
      button.type = "button";
      button.addEventListener("click", () => {
        this.address.value = hint;
        element("dial", HTMLFormElement).requestSubmit();
      });
      element("hints", HTMLParagraphElement).append(button);
    }
  }

  open(tunnel: Tunnel): void {
    element("dial", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.dial(tunnel);
    });
    element("say", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.say(`${this.line.value}\n`);
      this.line.value = "";
    });
    element("finish", HTMLButtonElement).addEventListener("click", () => void this.finish());
    element("reset", HTMLButtonElement).addEventListener("click", () => this.stream?.abort());
  }

  private async dial(tunnel: Tunnel): Promise<void> {
    element("talk", HTMLDivElement).hidden = false;
    this.stream?.abort();
    this.stream = null;
    this.transcript.textContent = "";
    this.tell("note", `dialling ${this.address.value}\n`);
    try {
      const stream = await tunnel.connect(this.address.value, { timeout: 10_000 });
      this.stream = stream;
      this.tell("note", `connected to ${stream.peerAddr}\n`);
      this.line.focus();
      await this.listen(stream);
    } catch (error) {
      this.fail(error);
    }
  }

  private async listen(stream: TcpStream): Promise<void> {
    const decoder = new TextDecoder();
    for (let chunk = await stream.readChunk(); chunk !== null; chunk = await stream.readChunk()) {
      this.tell("", decoder.decode(chunk, { stream: true }));
    }
    this.tell("note", "the other end has finished\n");
    await stream.close();
  }

  private async say(text: string): Promise<void> {
    this.tell("sent", text);
    try {
      await this.stream?.writeAll(new TextEncoder().encode(text));
    } catch (error) {
      this.fail(error);
    }
  }

  private async finish(): Promise<void> {
    try {
      await this.stream?.closeWrite();
      this.tell("note", "this end has finished; reading goes on\n");
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    const text = NetError.is(error) ? `${error.message} (${error.code})` : String(error);
    this.tell("failure", `${text}\n`);
  }

  private tell(className: string, text: string): void {
    this.transcript.append(make("span", className, text));
    // What was said long ago goes: a page that has run for a day is no longer than one that just began.
    while (this.transcript.childNodes.length > 2_000) this.transcript.firstChild?.remove();
    this.transcript.scrollTop = this.transcript.scrollHeight;
  }
}
