// The moments at which a runtime says that the network may be back: a browser's `online`, `visibilitychange` and
// `pageshow`. Looked up by shape, at first use; other runtimes have none of them.

interface EventTargetLike {
  addEventListener(name: string, listener: () => void): void;
  removeEventListener(name: string, listener: () => void): void;
}

/** Calls `wake` at each of them. @returns what ends that. */
export function onWake(wake: () => void): () => void {
  const page = globalThis as unknown as Partial<EventTargetLike> & {
    readonly document?: (Partial<EventTargetLike> & { readonly visibilityState?: string }) | undefined;
  };
  const ends: (() => void)[] = [];
  const listen = (target: Partial<EventTargetLike>, name: string, listener: () => void): void => {
    if (typeof target.addEventListener !== "function") return;
    target.addEventListener(name, listener);
    ends.push(() => target.removeEventListener?.(name, listener));
  };
  listen(page, "online", wake);
  listen(page, "pageshow", wake);
  const { document } = page;
  if (document !== undefined) {
    listen(document, "visibilitychange", () => {
      if (document.visibilityState !== "hidden") wake();
    });
  }
  return () => {
    for (const end of ends.splice(0)) end();
  };
}
