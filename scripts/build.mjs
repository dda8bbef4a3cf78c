// Builds dist: JavaScript by tsup, declarations by tsc, one prebuilt file for <script type="module">.
// With --if-changed it does nothing when no source is newer than the last build. With --js it leaves out the
// declarations.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const arguments_ = new Set(process.argv.slice(2));
const javaScriptOnly = arguments_.has("--js");
const stamp = join(root, "dist", ".built");
const state = `${fingerprint()} ${javaScriptOnly ? "js" : "all"}`;

if (arguments_.has("--if-changed") && isCurrent()) {
  console.log("dist is up to date");
} else {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  mkdirSync(join(root, "dist"), { recursive: true });
  run("tsup", ["--silent"]);
  if (!javaScriptOnly) {
    run("typescript", ["-p", "tsconfig.build.json"]);
    nameDisposableLibrary();
  }
  writeFileSync(stamp, state);
  console.log("dist is built");
}

function run(name, parameters) {
  const manifest = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
  const binary = typeof manifest.bin === "string" ? manifest.bin : (manifest.bin[name] ?? manifest.bin.tsc);
  const result = spawnSync(process.execPath, [join(root, "node_modules", name, binary), ...parameters], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (result.status !== 0) {
    console.error(`Cannot build: ${name} failed`);
    process.exit(1);
  }
}

/**
 * Declarations that name AsyncDisposable fail for users whose `lib` lacks it, so they ask for it themselves. It is
 * added here because JSR refuses such a line in sources.
 */
function nameDisposableLibrary() {
  const types = join(root, "dist", "types");
  for (const path of readdirSync(types, { recursive: true }).map(String)) {
    if (!path.endsWith(".d.ts")) continue;
    const text = readFileSync(join(types, path), "utf8");
    if (!/\b(Async)?Disposable\b|Symbol\.(asyncD|d)ispose\b/.test(text)) continue;
    writeFileSync(join(types, path), `/// <reference lib="esnext.disposable" />\n${text}`);
  }
}

function isCurrent() {
  if (!existsSync(stamp)) return false;
  const built = readFileSync(stamp, "utf8");
  return built === state || (javaScriptOnly && built === state.replace(/js$/, "all"));
}

/** Names, sizes and contents' hash of everything the build reads. */
function fingerprint() {
  const hash = createHash("sha256");
  const files = readdirSync(join(root, "src"), { recursive: true })
    .map((path) => join("src", String(path)))
    .concat(
      "package.json",
      "package-lock.json",
      "tsup.config.ts",
      "tsconfig.base.json",
      "tsconfig.build.json",
    )
    .filter((path) => statSync(join(root, path)).isFile())
    .sort();
  for (const path of files) hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest("hex");
}
