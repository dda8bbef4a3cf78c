// Why a file cannot be read or written, in words.
import { dirname } from "node:path";

/** @param path The file, when it was to be made: then it is its folder that is missing. */
export function fileReason(error: unknown, path?: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return message;
  if (path !== undefined && (code === "ENOENT" || code === "ENOTDIR")) {
    return `the folder ${dirname(path)} does not exist`;
  }
  return reasons[code] ?? message;
}

const reasons: { readonly [code: string]: string } = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOTDIR: "there is no such file",
};
