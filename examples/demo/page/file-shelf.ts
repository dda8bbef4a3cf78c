// Serve a file: a listener of this tab, published at the relay, answers plain HTTP for the files dropped on it.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { NetError, type TcpListener, type Tunnel } from "fourtuple";
import { fileResponse, HttpError, serve } from "fourtuple/http";
import { curlCommand, pathOf } from "./curl-command.ts";
import { element, make } from "./elements.ts";
import { bytes } from "./format.ts";

export class FileShelf {
  /** By name, which is the path of the URL: a file of the same name takes the place of the one before. */
  private readonly files = new Map<string, ShelfEntry>();
  private readonly list = element("files", HTMLUListElement);
  private site = "";

  constructor() {
    const drop = element("drop", HTMLLabelElement);
    const input = element("file", HTMLInputElement);
    input.addEventListener("change", () => {
      for (const file of input.files ?? []) this.add(file);
      input.value = "";
    });
    drop.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") input.click();
    });
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"])
      drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      for (const file of event.dataTransfer?.files ?? []) this.add(file);
    });
    element("sample", HTMLButtonElement).addEventListener("click", () => {
      const bytes = randomBytes(64 << 20);
      // For those who want to compare what curl fetched.
      document.documentElement.dataset["sample"] = bytesToHex(sha256(bytes));
      this.add(new File([bytes], "random.bin"));
    });
    // A file that misses the target must not replace the page.
    for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
  }

  /**
   * Listens in this tab, and at the relay for plain TCP.
   *
   * @param port The one of the page that was here before, if it can be had
   * @returns the port at the relay
   */
  async open(tunnel: Tunnel, port = 0): Promise<number> {
    const listener = await publish(tunnel, port);
    const server = serve(listener, (request) => this.answer(request));
    this.site = server.url;
    document.documentElement.dataset["site"] = this.site;
    for (const [name, entry] of this.files) entry.show(curlCommand(this.site, name));
    return listener.published?.port ?? 0;
  }

  private answer(request: Request): Response {
    const name = nameIn(new URL(request.url).pathname);
    const index = [...this.files.keys()].map((file) => `${this.site}${pathOf(file)}\n`).join("");
    if (name === "") return new Response(index || "hello from a tab: no file is dropped yet\n");
    const entry = this.files.get(name);
    if (entry === undefined) {
      const others = index === "" ? "No file is dropped on the page.\n" : `There is:\n${index}`;
      return new Response(`No file "${name}" is here. ${others}`, { status: 404 });
    }
    if (request.method === "GET") entry.fetched();
    return fileResponse(request, entry.file);
  }

  private add(file: File): void {
    // Half a surrogate pair and control characters, which names on Linux may have, are for no URL and no shell.
    const name = file.name.replace(/\p{Control}|\p{Surrogate}/gu, "_");
    const entry = new ShelfEntry(name, file);
    if (this.site !== "") entry.show(curlCommand(this.site, name));
    this.files.get(name)?.item.remove();
    this.list.prepend(entry.item);
    this.files.set(name, entry);
  }
}

/** A file on offer, and its place in the list. */
class ShelfEntry {
  readonly file: File;
  readonly item: HTMLLIElement = make("li");
  private readonly amount = make("span");
  private readonly code = make("code");
  private fetches = 0;

  constructor(name: string, file: File) {
    this.file = file;
    this.amount.textContent = bytes(file.size);
    const heading = make("div", "name");
    heading.append(make("span", "", name), this.amount);
    const copy = make("button", "", "Copy");
    copy.type = "button";
    copy.addEventListener("click", () => void this.copy(copy));
    const command = make("div", "command");
    command.append(this.code, copy);
    this.item.append(heading, command);
  }

  show(command: string): void {
    this.code.textContent = command;
  }

  fetched(): void {
    this.fetches++;
    const times = this.fetches === 1 ? "once" : `${this.fetches} times`;
    this.amount.textContent = `${bytes(this.file.size)}, fetched ${times}`;
  }

  private async copy(button: HTMLButtonElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.code.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      // The browser forbids it, or the page came over http: from another machine.
      getSelection()?.selectAllChildren(this.code);
      button.textContent = "Selected";
    }
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1_500);
  }
}

/** At `port` of the relay, or at any where that one is gone. */
async function publish(tunnel: Tunnel, port: number): Promise<TcpListener> {
  try {
    return await tunnel.bind(":80", { publish: `:${port}` });
  } catch (error) {
    if (port === 0 || !NetError.is(error)) throw error;
    return tunnel.bind(":80", { publish: ":0" });
  }
}

function nameIn(pathname: string): string {
  try {
    return decodeURIComponent(pathname.slice(1));
  } catch (cause) {
    throw new HttpError(400, "The path is not percent-encoded UTF-8", { cause });
  }
}

/** Something to fetch for those who have no file at hand. */
function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}
