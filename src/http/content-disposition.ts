// The name under which a download is saved (RFC 6266, RFC 8187): plain ASCII for old clients, UTF-8 for the rest.

/** @param name a file's name; what could be a path for somebody is taken out of it */
export function contentDisposition(disposition: "attachment" | "inline", name: string | undefined): string {
  if (name === undefined) return disposition;
  // Half a surrogate pair cannot be encoded.
  const safe = name.replace(/[/\\]|\p{Control}|\p{Surrogate}/gu, "_");
  const ascii = safe.replace(/[^\x20-\x7e]|["%]/g, "_");
  const plain = `${disposition}; filename="${ascii}"`;
  return ascii === safe ? plain : `${plain}; filename*=UTF-8''${encodeExtended(safe)}`;
}

/** RFC 8187 3.2.1 allows fewer characters than encodeURIComponent leaves alone. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}
