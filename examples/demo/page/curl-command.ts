// The command that saves a file under its own name. -J is no help where the name is not ASCII: curl knows no filename*.

/** @param site With a slash at its end. */
export function curlCommand(site: string, name: string): string {
  const url = `${site}${pathOf(name)}`;
  if (/^[\w.][\w.-]*$/.test(name)) return `curl -O ${url}`;
  // -g: otherwise "#1" in the name stands for a part of the URL. "./": a dash at the front begins an option.
  return `curl -g -o ${quote(name.startsWith("-") ? `./${name}` : name)} ${url}`;
}

/** A file's name as the path of a URL, safe in a shell without quotes. */
export function pathOf(name: string): string {
  return encodeURIComponent(name).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** In double quotes, which Windows knows too, unless something in the name has a meaning there. */
function quote(name: string): string {
  return /["$`!\\%]/.test(name) ? `'${name.replaceAll("'", "'\\''")}'` : `"${name}"`;
}
