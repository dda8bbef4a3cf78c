// Serve a file: a listener of this tab, published at the relay, answers plain HTTP for the files dropped on it.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Tunnel } from "fourtuple";
import { fileResponse, type httpResponse, serve } from "fourtuple/http";
import { element, make } from "./elements.ts";
import { bytes } from "./format.ts";

export class FileShelf {
  private readonly files = new Map<
    string,
    { readonly file: File; fetched: number; readonly count: HTMLElement }
  >();
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

  /** Listens in this tab, and at the relay for plain TCP. */
  async open(tunnel: Tunnel): Promise<void> {
    const listener = await tunnel.bind(":80", { publish: ":0" });
    const server = serve(listener, (request) => this.answer(request));
    this.site = server.url;
    document.documentElement.dataset["site"] = this.site;
  }

  private answer(request: Request): Response | ReturnType<typeof httpResponse> {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const entry = this.files.get(name);
    if (entry === undefined) {
      const index = [...this.files.keys()]
        .map((file) => `${this.site}${encodeURIComponent(file)}\n`)
        .join("");
      return new Response(index === "" ? "hello from a tab: no file is dropped yet\n" : index);
    }
    entry.fetched++;
    entry.count.textContent = `${bytes(entry.file.size)}, fetched ${entry.fetched === 1 ? "once" : `${entry.fetched} times`}`;
    return fileResponse(request, entry.file);
  }

  private add(file: File): void {
    const line = `curl -O ${this.site}${encodeURIComponent(file.name)}`;
    const item = make("li");
    const heading = make("div", "name");
    const count = make("span", "", bytes(file.size));
    heading.append(make("span", "", file.name), count);
    const command = make("div", "command");
    const copy = make("button", "", "Copy");
    copy.type = "button";
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(line);
      copy.textContent = "Copied";
      setTimeout(() => {
        copy.textContent = "Copy";
      }, 1_500);
    });
    command.append(make("code", "", line), copy);
    item.append(heading, command);
    this.list.prepend(item);
    this.files.set(file.name, { file, fetched: 0, count });
  }
}

/** Something to fetch for those who have no file at hand. */
function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}
