// The moments at which a runtime says that the network may be back, or another one: a browser's `online`,
// `visibilitychange` and `pageshow`, and `change` of the Network Information API where there is one. Looked up by shape,
// at first use; other runtimes have none of them.

interface EventTargetLike {
  addEventListener(name: string, listener: () => void): void;
  removeEventListener(name: string, listener: () => void): void;
}

interface PageLike extends Partial<EventTargetLike> {
  readonly document?: (Partial<EventTargetLike> & { readonly visibilityState?: string }) | undefined;
  readonly navigator?: { readonly connection?: NetworkInformationLike | undefined } | undefined;
}

/** Chromium's; `type` on phones alone. Its estimates of rate and round trip change far more often than the network. */
interface NetworkInformationLike extends Partial<EventTargetLike> {
  readonly type?: string;
}

export interface WakeHandlers {
  /** What is there may be dead, and what was not there may be: look. */
  wake(): void;
  /** The machine is on another network: what is there belongs to the one before. */
  moved(): void;
}

/** Listens for all of them. @returns what ends that. */
export function onWake({ wake, moved }: WakeHandlers): () => void {
  const page = globalThis as unknown as PageLike;
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
  const connection = page.navigator?.connection;
  if (connection !== undefined && connection !== null) {
    let { type } = connection;
    listen(connection, "change", () => {
      const before = type;
      ({ type } = connection);
      if (type !== before && type !== "none") moved();
      else wake();
    });
  }
  return () => {
    for (const end of ends.splice(0)) end();
  };
}
