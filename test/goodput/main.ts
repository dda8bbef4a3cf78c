// npm run goodput [-- names]: runs the tables of goodput, or those named, and rewrites what is committed of them.

import { mkdirSync, writeFileSync } from "node:fs";
import { fileOf, render } from "./markdown.ts";
import { tables } from "./tables.ts";

const names = process.argv.slice(2);
const wanted = tables.filter((table) => names.length === 0 || names.includes(table.name));
if (wanted.length === 0) {
  console.error(`No such table. There are: ${tables.map((table) => table.name).join(", ")}`);
  process.exit(1);
}
mkdirSync(new URL("results/", import.meta.url), { recursive: true });
for (const table of wanted)
  writeFileSync(
    fileOf(table),
    render(table, (text) => console.log(text)),
  );
