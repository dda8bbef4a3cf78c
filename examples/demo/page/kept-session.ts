// What a page that is loaded again asks the relay for: the name of its tunnel, which ends the session that it left
// behind, and the port of its site, so that a command copied before finds the new page or nobody, and never waits.
// It lies in sessionStorage only while no page of the tab runs: a tab that is duplicated gets a copy of that, and two
// pages with one name would take it from each other.

interface KeptSession {
  readonly name: string;
  /** Where the relay published the site. */
  readonly port: number;
}

let session: KeptSession | null = null;

/** What this tab's last page left. */
export function takeKeptSession(): KeptSession | null {
  take();
  addEventListener("pagehide", () => {
    if (session !== null) sessionStorage.setItem(KEY, JSON.stringify(session));
  });
  addEventListener("pageshow", (event) => {
    // Back from the browser's cache, as it was.
    if (event.persisted) take();
  });
  return session;
}

export function keepSession(now: KeptSession): void {
  session = now;
}

function take(): void {
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (text !== null) session = JSON.parse(text) as KeptSession;
}

const KEY = "fourtuple-demo-session";
