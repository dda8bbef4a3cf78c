// The package as users get it: packed by npm, unpacked elsewhere, and run by plain node, deno and bun; its types
// read by old and new compilers; its bundles by esbuild, Rollup and Vite run and inspected. Needs dist.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bun, deno, load, type Program, rootFolder, run, runtimesFolder } from "../runtimes/index.ts";
import { type Packed, pack } from "./packed.ts";

let packed: Packed;

beforeAll(async () => {
  packed = await pack();
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(packed.folder, name), text);
}, 60_000);

afterAll(() => {
  packed?.remove();
});

const programs = {
  "echo.mjs": `
    import { NetError, TcpListener, TcpStream, version } from "fourtuple";
    const runtime = typeof Deno === "object" ? "deno" : typeof Bun === "object" ? "bun" : "node";
    const listener = await TcpListener.bind("127.0.0.1:0");
    const serving = (async () => {
      const [stream] = await listener.accept();
      for await (const bytes of stream) await stream.writeAll(bytes);
      await stream.close();
    })();
    const stream = await TcpStream.connect(listener.localAddr, { timeout: 10_000 });
    const sent = new Uint8Array(300_000).map((_, index) => index % 251);
    const writing = stream.writeAll(sent).then(() => stream.shutdown("write"));
    const received = await stream.readToEnd();
    await writing;
    await serving;
    await stream.close();
    await listener.close();
    const port = listener.localAddr.port;
    const refusal = await TcpStream.connect({ hostname: "127.0.0.1", port }).then(() => "none", (error) => error);
    console.log(JSON.stringify({
      runtime,
      entry: import.meta.resolve("fourtuple").split("/").at(-1),
      same: received.length === sent.length && received.every((byte, index) => byte === sent[index]),
      refusal: [refusal.code, refusal instanceof NetError],
      version,
    }));
  `,
  "identity.mjs": `
    const entries = ["fourtuple", "fourtuple/core", "fourtuple/node", "fourtuple/websocket", "fourtuple/sim",
      "fourtuple/relay", "fourtuple/http", ...(typeof Deno === "object" ? ["fourtuple/deno"] : [])];
    const modules = await Promise.all(entries.map((entry) => import(entry)));
    const shared = {};
    modules.forEach((module, index) => {
      for (const [name, value] of Object.entries(module)) {
        if (typeof value === "function" || typeof value === "object") (shared[name] ??= []).push([entries[index], value]);
      }
    });
    const different = Object.entries(shared).filter(([, all]) => all.some(([, value]) => value !== all[0][1]));
    console.log(JSON.stringify({
      inSeveral: Object.keys(shared).filter((name) => shared[name].length > 1),
      different: different.map(([name, all]) => name + " of " + all.map(([entry]) => entry).join(", ")),
    }));
  `,
  "names.mjs": `
    import { pathToFileURL } from "node:url";
    console.log(JSON.stringify(Object.keys(await import(pathToFileURL(process.argv[2]).href)).sort()));
  `,
  "app.mjs": `
    import { TcpListener, TcpStream } from "fourtuple";
    const listener = await TcpListener.bind("127.0.0.1:0");
    const accepting = listener.accept();
    const stream = await TcpStream.connect(listener.localAddr, { timeout: 10_000 });
    const [other] = await accepting;
    await other.writeAll(new TextEncoder().encode("through a bundle"));
    await other.close();
    console.log(new TextDecoder().decode(await stream.readToEnd()));
    await stream.close();
    await listener.close();
  `,
  "page.mjs": `
    import { NetError, SocketAddr, TcpListener, TcpStream, Tunnel } from "fourtuple";
    globalThis.fourtuple = { NetError, SocketAddr, TcpListener, TcpStream, Tunnel };
    // A page has a WebSocket; this one only tells that it was asked.
    globalThis.WebSocket = class {
      constructor(url) {
        throw new Error("asked for " + url);
      }
    };
    const told = (promise) => promise.then(() => "no error", (error) => error.code + " " + error.message + " " + error.cause?.message);
    console.log(JSON.stringify({
      tunnel: await told(Tunnel.open("ws://127.0.0.1:9/")),
      sockets: await told(TcpStream.connect("127.0.0.1:9")),
    }));
  `,
};

const denoRun = ["run", "-A", "--no-prompt", "--node-modules-dir=manual"];
const runtimes: readonly [name: string, program: Program, flags: readonly string[], entry: string][] = [
  ["node", { path: process.execPath }, [], "index.node.js"],
  ["deno", deno(), denoRun, "index.deno.js"],
  ["bun", bun(), [], "index.node.js"],
];

describe.each(runtimes)("The packed package in plain %s", (runtime, program, flags, entry) => {
  // A runtime that this platform does not have is reported as skipped.
  const run = test.skipIf("notRun" in program);

  run("echoes over the system's sockets", async () => {
    const output = await runProgram(program, [...flags, "echo.mjs"]);
    const version = JSON.parse(readFileSync(join(rootFolder, "package.json"), "utf8")).version as string;
    expect(output).toEqual({ runtime, entry, same: true, refusal: ["ECONNREFUSED", true], version });
  });

  run("has one NetError and one TcpStream across its entries", async () => {
    const output = (await runProgram(program, [...flags, "identity.mjs"])) as {
      readonly inSeveral: readonly string[];
      readonly different: readonly string[];
    };
    expect(output.different).toEqual([]);
    expect(output.inSeveral).toEqual(expect.arrayContaining(["NetError", "TcpStream", "TcpListener"]));
  });
});

describe("The packed package", () => {
  test("exports the same names from the root in every runtime", async () => {
    const names = async (path: string, program: Program, parameters: readonly string[]): Promise<unknown> =>
      runProgram(program, [
        ...parameters,
        "names.mjs",
        join(packed.folder, "node_modules", "fourtuple", path),
      ]);
    const node = { path: process.execPath };
    const expected = await names("dist/index.node.js", node, []);
    expect(expected).toEqual(
      expect.arrayContaining(["NetError", "SocketAddr", "TcpListener", "TcpStream", "Tunnel"]),
    );
    expect(await names("dist/index.browser.js", node, [])).toEqual(expected);
    expect(await names("dist/index.default.js", node, [])).toEqual(expected);
    const program = deno();
    if ("notRun" in program) return;
    expect(await names("dist/index.deno.js", program, denoRun)).toEqual(expected);
  });

  test("runs its command line", async () => {
    const cli = join(packed.folder, "node_modules", "fourtuple", "dist", "cli.js");
    const version = JSON.parse(readFileSync(join(rootFolder, "package.json"), "utf8")).version as string;
    const told = await run(process.execPath, [cli, "--version"], { cwd: packed.folder });
    expect(told).toMatchObject({ code: 0, stderr: "" });
    expect(told.stdout).toContain(version);
    const help = await run(process.execPath, [cli, "--help"], { cwd: packed.folder });
    expect(help.stdout).toMatch(/relay[\s\S]*cat[\s\S]*expose|cat[\s\S]*expose[\s\S]*relay/);
  });

  test("holds what it needs and nothing of the workshop", () => {
    const unwanted = packed.files.filter(
      (path) => !/^(dist\/|src\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(path),
    );
    expect(unwanted).toEqual([]);
    expect(packed.files.filter((path) => /tsconfig|\.test\.|no-clock|\.built/.test(path))).toEqual([]);
    const wanted = ["LICENSE", "README.md", "dist/browser.min.js", "dist/cli.licences.txt"];
    expect(packed.files).toEqual(expect.arrayContaining(wanted));
  });
});

describe("The package's types", () => {
  test("publint finds nothing", async () => {
    const outcome = await run(process.execPath, [
      binary("publint", "src/cli.js"),
      "--strict",
      "--pack",
      "false",
      packedPackage(),
    ]);
    expect(`${outcome.stdout}${outcome.stderr}`).toContain("All good");
    expect(outcome.code).toBe(0);
  });

  test("are right for every resolution of ES modules (attw)", { timeout: 120_000 }, async () => {
    const attw = binary("@arethetypeswrong/cli", "dist/index.js");
    const outcome = await run(process.execPath, [
      attw,
      packed.tarball,
      "--profile",
      "esm-only",
      "--format",
      "ascii",
    ]);
    expect(outcome.code, outcome.stdout).toBe(0);
  });

  test.each([
    ["5.7, nodenext", "typescript-5.7/lib/tsc.js", "NodeNext", "NodeNext"],
    ["7, nodenext", "", "NodeNext", "NodeNext"],
    ["7, bundler", "", "ESNext", "Bundler"],
  ])(
    "compile for a user of TypeScript %s",
    { timeout: 120_000 },
    async (name, compiler, module, moduleResolution) => {
      const folder = join(packed.folder, `types-${name.replaceAll(/\W+/g, "-")}`);
      mkdirSync(folder);
      writeFileSync(join(folder, "use.mts"), consumer);
      writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({
          compilerOptions: {
            target: "ES2022",
            lib: ["ES2022", "DOM", "DOM.Iterable"],
            module,
            moduleResolution,
            strict: true,
            noEmit: true,
            skipLibCheck: false,
            types: ["node"],
            typeRoots: [join(rootFolder, "node_modules", "@types")],
          },
          include: ["use.mts"],
        }),
      );
      const tsc =
        compiler === ""
          ? join(rootFolder, "node_modules", "typescript", "bin", "tsc")
          : join(runtimesFolder, "node_modules", compiler);
      const outcome = await run(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
        timeout: 110_000,
      });
      expect(outcome.stdout).toBe("");
      expect(outcome.code).toBe(0);
    },
  );
});

const consumer = `
import { NetError, SocketAddr, TcpListener, TcpStream, Tunnel, type Network } from "fourtuple";
import * as core from "fourtuple/core";
import * as http from "fourtuple/http";
import * as node from "fourtuple/node";
import * as relay from "fourtuple/relay";
import * as sim from "fourtuple/sim";
import * as websocket from "fourtuple/websocket";
export const all: unknown[] = [core, http, node, relay, sim, websocket, SocketAddr, TcpListener, Tunnel];
export async function use(network: Network): Promise<number | null> {
  const stream: TcpStream = await TcpStream.connect("127.0.0.1:1", { network, signal: AbortSignal.timeout(1) });
  try {
    return await stream.read(new Uint8Array(1));
  } catch (error) {
    if (NetError.is(error, "ECONNRESET")) return null;
    throw error;
  } finally {
    await stream.close();
  }
}
`;

describe("A bundle for a server", () => {
  test("by esbuild connects over the system's sockets", async () => {
    const outfile = join(packed.folder, "esbuild.mjs");
    await load("esbuild").build({
      entryPoints: [join(packed.folder, "app.mjs")],
      bundle: true,
      platform: "node",
      format: "esm",
      outfile,
      logLevel: "error",
      external: ["ws", "msgpackr"],
    });
    expect(await outputOf(outfile)).toBe("through a bundle");
  });

  test("by Rollup connects over the system's sockets", async () => {
    const { nodeResolve } = load("@rollup/plugin-node-resolve");
    const bundle = await load("rollup").rollup({
      input: join(packed.folder, "app.mjs"),
      plugins: [nodeResolve({ exportConditions: ["node"], preferBuiltins: true })],
      external: [/^node:/, "ws", "msgpackr", /^msgpackr\//],
    });
    const file = join(packed.folder, "rollup.mjs");
    await bundle.write({ file, format: "es", inlineDynamicImports: true });
    await bundle.close();
    expect(await outputOf(file)).toBe("through a bundle");
  });

  test("by Vite connects over the system's sockets: the root entry's registration is kept", async () => {
    writeFileSync(
      join(packed.folder, "vite.config.mjs"),
      `export default {
        build: { ssr: "app.mjs", outDir: "vite", target: "es2022", minify: false, emptyOutDir: true },
        ssr: { noExternal: ["fourtuple"], external: ["ws", "msgpackr"] },
        logLevel: "error",
      };`,
    );
    const built = await run(process.execPath, [binary("vite", "bin/vite.js"), "build"], {
      cwd: packed.folder,
    });
    expect(built).toMatchObject({ code: 0 });
    expect(await outputOf(join(packed.folder, "vite", "app.js"))).toBe("through a bundle");
  });
});

describe("A bundle for a browser", () => {
  async function bundle(
    platform: "browser" | "neutral",
    external: readonly string[],
    conditions: string[] = [],
  ) {
    const result = await load("esbuild").build({
      entryPoints: [join(packed.folder, "page.mjs")],
      bundle: true,
      minify: true,
      platform,
      conditions,
      mainFields: ["browser", "module", "main"],
      format: "esm",
      target: "es2022",
      write: false,
      metafile: true,
      external: [...external],
      outfile: join(packed.folder, "page.js"),
      logLevel: "error",
    });
    return { inputs: Object.entries(result.metafile.inputs), text: result.outputFiles[0].contents };
  }

  test.each([
    ["browser", []],
    ["browser", ["workerd"]],
    ["neutral", []],
  ] as const)(
    "for esbuild's platform %s %j reaches msgpackr and @noble/hashes alone",
    async (platform, conditions) => {
      const { inputs } = await bundle(platform, [], [...conditions]);
      const imported = inputs.flatMap(([, input]) => input.imports.map((one) => one.path));
      expect(imported.filter((path) => /^(node:|ws$|deno|bun)/.test(path))).toEqual([]);
      const packages = new Set(
        inputs.flatMap(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
      );
      expect([...packages].sort()).toEqual(["@noble/hashes", "fourtuple", "msgpackr"]);
    },
  );

  test("is within its budget without msgpackr: 78.6 KB gzip (25 KB is the goal)", async () => {
    const { text } = await bundle("browser", ["msgpackr", "msgpackr/*"]);
    const size = gzipSync(text, { level: 9 }).length;
    console.log(
      `browser bundle without msgpackr: ${(text.length / 1000).toFixed(1)} KB, ${(size / 1000).toFixed(1)} KB gzip`,
    );
    expect(size).toBeLessThanOrEqual(78_600);
  });

  test("keeps the registration of WebSockets, and says what to do without sockets", async () => {
    const expected = {
      tunnel: expect.stringContaining("asked for ws://127.0.0.1:9/"),
      sockets: expect.stringMatching(/^ENOTSUP .*Tunnel/),
    };
    const byEsbuild = join(packed.folder, "page-esbuild.mjs");
    writeFileSync(byEsbuild, (await bundle("browser", [])).text);
    expect(await runProgram({ path: process.execPath }, [byEsbuild])).toEqual(expected);
    writeFileSync(
      join(packed.folder, "vite.page.config.mjs"),
      `export default {
        build: {
          outDir: "vite-page",
          target: "es2022",
          lib: { entry: "page.mjs", formats: ["es"], fileName: () => "page.mjs" },
        },
        logLevel: "error",
      };`,
    );
    const parameters = [binary("vite", "bin/vite.js"), "build", "--config", "vite.page.config.mjs"];
    expect(await run(process.execPath, parameters, { cwd: packed.folder })).toMatchObject({ code: 0 });
    const byVite = join(packed.folder, "vite-page", "page.mjs");
    expect(await runProgram({ path: process.execPath }, [byVite])).toEqual(expected);
  });

  test("is prebuilt as one file that imports nothing", async () => {
    const file = join(packed.folder, "node_modules", "fourtuple", "dist", "browser.min.js");
    const result = await load("esbuild").build({
      entryPoints: [file],
      bundle: false,
      write: false,
      metafile: true,
    });
    const [input] = Object.values(result.metafile.inputs);
    expect(input.imports).toEqual([]);
    const names = await runProgram({ path: process.execPath }, ["names.mjs", file]);
    expect(names).toEqual(expect.arrayContaining(["NetError", "TcpListener", "TcpStream", "Tunnel"]));
  });
});

async function runProgram(program: Program, parameters: readonly string[]): Promise<unknown> {
  if ("notRun" in program) throw new Error(`Not run: ${program.notRun}`);
  const outcome = await run(program.path, parameters, { cwd: packed.folder, timeout: 25_000 });
  expect(outcome).toMatchObject({ code: 0, signal: null });
  return JSON.parse(outcome.stdout);
}

async function outputOf(file: string): Promise<string> {
  const outcome = await run(process.execPath, [file], { cwd: packed.folder, timeout: 25_000 });
  expect(outcome).toMatchObject({ code: 0, stderr: "" });
  return outcome.stdout.trim();
}

function packedPackage(): string {
  return join(packed.folder, "node_modules", "fourtuple");
}

/** A program of a package in test/runtimes. */
function binary(name: string, path: string): string {
  return join(runtimesFolder, "node_modules", name, path);
}
