// Reads one source file for the architecture test: what it imports, what it names, its header. It works on text:
// comments (and, where asked, strings) are blanked in place, so that positions and line numbers stay true.

/** One import or re-export. */
export interface Import {
  readonly specifier: string;
  /** Erased by the compiler: `import type` and `export type`. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface Finding {
  readonly text: string;
  readonly line: number;
}

export class SourceFile {
  /** Path from src, with forward slashes: "core/wire/seq.ts". */
  readonly path: string;
  readonly text: string;
  /** The text without comments. */
  private readonly code: string;
  /** The text without comments and without what stands in strings. */
  private readonly names: string;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.code = blank(text, { strings: false });
    this.names = blank(text, { strings: true });
  }

  get lineCount(): number {
    return this.text.trimEnd().split("\n").length;
  }

  /** The comment that opens the file, without its slashes, after a shebang and triple-slash references. */
  get header(): readonly string[] {
    const lines = this.text.split("\n").filter((line) => !/^(#!|\/\/\/\s*<reference)/.test(line));
    const end = lines.findIndex((line) => !line.startsWith("//"));
    return lines.slice(0, end === -1 ? lines.length : end).map((line) => line.replace(/^\/\/\s?/, ""));
  }

  imports(): readonly Import[] {
    const found: Import[] = [];
    const statement = /^\s*(import|export)(\s+type)?\b([^;"'`()]*?)\bfrom\s*(["'])([^"']+)\4/gm;
    for (const match of this.code.matchAll(statement)) {
      const named = /\{([^}]*)\}/
        .exec(match[3])?.[1]
        .split(",")
        .filter((name) => name.trim() !== "");
      const allTypes =
        named !== undefined &&
        named.length > 0 &&
        !/[\w$]\s*,\s*\{/.test(match[3]) &&
        named.every((name) => /^\s*type\s/.test(name));
      found.push({
        specifier: match[5],
        typeOnly: match[2] !== undefined || allTypes,
        line: lineAt(this.code, match.index + match[0].length),
      });
    }
    for (const match of this.code.matchAll(/^\s*import\s*(["'])([^"']+)\1/gm)) {
      found.push({
        specifier: match[2],
        typeOnly: false,
        line: lineAt(this.code, match.index + match[0].length),
      });
    }
    for (const match of this.code.matchAll(/\b(?:import|require)\s*\(\s*(["'`])([^"'`]+)\1/g)) {
      // typeof import("x") and import("x").Name in a type are erased.
      const before = this.code.slice(0, match.index);
      const typeOnly = /(typeof|[:<|&,=]\s*)\s*$/.test(before) && !/await\s*$/.test(before);
      found.push({ specifier: match[2], typeOnly, line: lineAt(this.code, match.index) });
    }
    return found;
  }

  /** Every use of a global among `identifiers`, outside comments and strings: `process`, not `ipaddr.process`. */
  uses(identifiers: readonly string[]): readonly Finding[] {
    const pattern = new RegExp(
      `(?<![\\w$]|(?<!\\.|\\b(?:globalThis|self|window)\\??)\\.)(${identifiers.map(quote).join("|")})(?![\\w$])`,
      "g",
    );
    return Array.from(this.names.matchAll(pattern), (match) => ({
      text: match[1],
      line: lineAt(this.names, match.index),
    }));
  }

  /** Every match of `pattern` in comments and code alike. */
  matches(pattern: RegExp): readonly Finding[] {
    return Array.from(this.text.matchAll(pattern), (match) => ({
      text: match[0],
      line: lineAt(this.text, match.index),
    }));
  }

  /** Every match of `pattern` in code, outside comments and strings. */
  matchesInCode(pattern: RegExp): readonly Finding[] {
    return Array.from(this.names.matchAll(pattern), (match) => ({
      text: match[0].trim(),
      line: lineAt(this.names, match.index),
    }));
  }
}

/** Replaces comments, and the insides of strings where asked, by spaces. Line ends stay. */
function blank(text: string, { strings }: { strings: boolean }): string {
  const out = text.split("");
  const wipe = (from: number, to: number): void => {
    for (let i = from; i < to; i += 1) if (out[i] !== "\n") out[i] = " ";
  };
  const openTemplates: number[] = [];
  let braces = 0;
  let i = 0;
  if (text.startsWith("#!")) i = text.indexOf("\n");
  while (i < text.length) {
    const two = text.slice(i, i + 2);
    const one = text[i];
    if (two === "//") {
      const end = ended(text.indexOf("\n", i), text.length);
      wipe(i, end);
      i = end;
    } else if (two === "/*") {
      const end = ended(text.indexOf("*/", i + 2) + 1, text.length - 1) + 1;
      wipe(i, end);
      i = end;
    } else if (one === '"' || one === "'") {
      const end = stringEnd(text, i + 1, one);
      if (strings) wipe(i + 1, end);
      i = end + 1;
    } else if (one === "`" || (one === "}" && openTemplates.at(-1) === braces)) {
      // A template's text runs to its end or to "${", whose expression is code again.
      if (one === "}") openTemplates.pop();
      const end = templateEnd(text, i + 1);
      if (strings) wipe(i + 1, end);
      if (text[end] === "$") {
        openTemplates.push(braces);
        i = end + 2;
      } else {
        i = end + 1;
      }
    } else if (one === "/" && startsRegularExpression(text, i)) {
      const end = regularExpressionEnd(text, i + 1);
      wipe(i + 1, end);
      i = end + 1;
    } else {
      if (one === "{") braces += 1;
      if (one === "}") braces -= 1;
      i += 1;
    }
  }
  return out.join("");
}

function ended(position: number, otherwise: number): number {
  return position <= 0 ? otherwise : position;
}

function stringEnd(text: string, from: number, quote: string): number {
  let i = from;
  while (i < text.length && text[i] !== quote && text[i] !== "\n") i += text[i] === "\\" ? 2 : 1;
  return i;
}

function templateEnd(text: string, from: number): number {
  let i = from;
  while (i < text.length && text[i] !== "`" && text.slice(i, i + 2) !== "${") i += text[i] === "\\" ? 2 : 1;
  return i;
}

/** A slash divides after a value; elsewhere it opens a regular expression. */
function startsRegularExpression(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 40), at).trimEnd();
  if (before === "") return true;
  if (/\b(return|typeof|case|in|of|void|delete|throw|await)$/.test(before)) return true;
  return !/[\w$)\]}"'`]$/.test(before);
}

function regularExpressionEnd(text: string, from: number): number {
  let i = from;
  let inClass = false;
  while (i < text.length && text[i] !== "\n") {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    else if (text[i] === "/" && !inClass) return i;
    i += 1;
  }
  return i;
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}

function quote(text: string): string {
  return text.replace(/[$.*+?^()[\]{}|\\]/g, "\\$&");
}
