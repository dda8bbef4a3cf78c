// Takes the ```ts blocks out of a Markdown file. CONTRIBUTING.md tells the marks that writers use.

export interface CodeBlock {
  /** The document, from the checkout's root. */
  readonly file: string;
  /** The line of the block's fence, counted from 1. */
  readonly line: number;
  readonly code: string;
  /** Whether it runs; otherwise it only compiles. */
  readonly runs: boolean;
}

/** @throws {Error} for a mark that is not known, so that a misspelt one does not silence its block. */
export function codeBlocks(file: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const pattern = /^```(ts|typescript|js|javascript)\b([^\n]*)\n([\s\S]*?)^```\s*$/gm;
  for (const match of markdown.matchAll(pattern)) {
    const [, language, info, code] = match;
    const line = markdown.slice(0, match.index).split("\n").length;
    const marks = info
      .trim()
      .split(/\s+/)
      .filter((mark) => mark !== "");
    if (language !== "ts") throw new Error(`${file}:${line}: write \`\`\`ts, so that the block is checked`);
    for (const mark of marks) {
      if (!["run", "continue", "browser"].includes(mark))
        throw new Error(`${file}:${line}: unknown mark ${mark}`);
    }
    const last = blocks.at(-1);
    if (marks.includes("continue")) {
      if (last === undefined) throw new Error(`${file}:${line}: there is no block to continue`);
      blocks[blocks.length - 1] = {
        ...last,
        code: `${last.code}\n${code}`,
        runs: last.runs || marks.includes("run"),
      };
    } else {
      blocks.push({ file, line, code, runs: marks.includes("run") });
    }
  }
  const fences = markdown.match(/^```(ts|typescript|js|javascript)\b/gm)?.length ?? 0;
  const taken = Array.from(markdown.matchAll(pattern)).length;
  if (fences !== taken) throw new Error(`${file}: ${fences} blocks open and ${taken} close`);
  return blocks;
}
