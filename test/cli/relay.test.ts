import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { file, fourtuple, relay, start, tcpServer } from "./program.ts";

const TOKEN = "a-token-of-32-characters-or-more";

describe("fourtuple relay", () => {
  test("says where it listens, and ends in order by SIGTERM", async () => {
    const { url, program } = await relay();
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/$/);
    await program.until(/no-authentication/);
    program.child.kill("SIGTERM");
    const outcome = await program.over;
    expect(outcome).toMatchObject({ code: 0, signal: null, stdout: `Relay is listening at ${url}\n` });
    expect(outcome.stderr).toMatch(/closing[^\n]*\n[^\n]*closed\n$/);
  });

  test("ends in order by SIGINT with tunnels open", async () => {
    const { url, program } = await relay();
    const exposed = start(["expose", "3000", "--relay", url]);
    await exposed.until(/can be reached/);
    program.child.kill("SIGINT");
    expect(await program.over).toMatchObject({ code: 0, signal: null });
  });

  test("logs JSON lines if asked, and no less than the level asked", async () => {
    const { url, program } = await relay("--log", "json");
    await fourtuple(["cat", "nobody.peer:1", "--relay", url]);
    program.child.kill("SIGTERM");
    const lines = (await program.over).stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["listening", "session-opened", "closed"]),
    );
    for (const line of lines) {
      expect(line).toMatchObject({ level: expect.stringMatching(/^(info|warn)$/), time: expect.any(String) });
    }
    const quiet = await relay("--log-level", "error");
    quiet.program.child.kill("SIGTERM");
    expect((await quiet.program.over).stderr).toBe("");
  });

  test("with a key file is started anew, and tunnels come back to it", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "fourtuple-key-")), "key");
    const web = await tcpServer((socket) => void socket.end("served"));
    const first = start(["relay", "--listen", "127.0.0.1:0", "--key-file", path]);
    const [, url = ""] = await first.until(/listening at (\S+)/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const key = readFileSync(path, "utf8");
    expect(key).toMatch(/^[0-9a-f]{64}\n$/);
    const exposed = start(["expose", String(web), "--relay", url]);
    const [, place = ""] = await exposed.until(/reached at (\S+)/);
    first.child.kill("SIGTERM");
    expect(await first.over).toMatchObject({ code: 0, signal: null });
    const second = start(["relay", "--listen", new URL(url).host, "--key-file", path]);
    await second.until(/listening at/);
    await exposed.until(/link-back/);
    expect(exposed.stderr).not.toContain("tunnel-lost");
    expect((await fourtuple(["cat", place, "--relay", url])).stdout).toBe("served");
    expect(readFileSync(path, "utf8")).toBe(key);
    expect((await first.over).stderr + second.stderr).not.toContain(key.trim());
    rmSync(path);
  });

  test("takes no key file that holds no key, and warns of one that others can read", async () => {
    const bad = await fourtuple(["relay", "--listen", "127.0.0.1:0", "--key-file", file("short\n")]);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain("holds no key");
    const open = file(`${"ab".repeat(32)}\n`);
    chmodSync(open, 0o644);
    const program = start(["relay", "--listen", "127.0.0.1:0", "--key-file", open]);
    await program.until(/chmod 600/);
    program.child.kill("SIGINT");
    expect((await program.over).code).toBe(0);
  });

  test("fails with 6 where the port is taken", async () => {
    const port = await tcpServer(() => {});
    const outcome = await fourtuple(["relay", "--listen", `127.0.0.1:${port}`]);
    expect(outcome).toMatchObject({ code: 6, stdout: "" });
    expect(outcome.stderr).toBe(
      `fourtuple: Cannot listen on 127.0.0.1:${port}: address already in use\n` +
        "  Another program listens there: stop it, or choose another port with --listen (port 0 takes a free one)\n",
    );
  });

  test("refuses to be public without authentication, unless told so", async () => {
    const refused = await fourtuple(["relay", "--listen", "0.0.0.0:0"]);
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toMatch(/no authentication.*\n {2}Ask for tokens with --token-file FILE/);
    for (const parameters of [["--open"], ["--token-file", file(`${TOKEN} alice\n`)]]) {
      const program = start(["relay", "--listen", "0.0.0.0:0", ...parameters]);
      await program.until(/listening at/);
      program.child.kill("SIGTERM");
      expect((await program.over).code).toBe(0);
    }
  });

  test("warns of a token file that others can read", async () => {
    const { program } = await relay("--token-file", file(`${TOKEN} alice\n`, 0o644));
    await program.until(/token-file .*can be read by everybody.*chmod 600/);
    expect(program.stderr).not.toContain(TOKEN);
  });

  test("gives each subject its own rights", async () => {
    const port = await tcpServer((socket) => socket.end("welcome"));
    const tokens = file(
      `# the team\n${TOKEN}-1 alice allow=tcp:127.0.0.1:${port} names=app,web-*\n${TOKEN}-2 bob # no more\n`,
    );
    const { url } = await relay("--token-file", tokens);
    const cat = ["cat", `127.0.0.1:${port}`, "--relay", url];
    expect(await fourtuple(cat, { env: { FOURTUPLE_TOKEN: `${TOKEN}-1` } })).toMatchObject({
      code: 0,
      stdout: "welcome",
    });
    expect(await fourtuple(cat, { env: { FOURTUPLE_TOKEN: `${TOKEN}-2` } })).toMatchObject({ code: 4 });
    const named = await fourtuple(["expose", "1", "--name", "other", "--relay", url], {
      env: { FOURTUPLE_TOKEN: `${TOKEN}-1` },
    });
    expect([named.code, named.stderr]).toEqual([
      4,
      expect.stringMatching(
        /^fourtuple: Cannot open a tunnel: .* the name other is not one that alice may take: app, web-\*\n {2}Choose another name/,
      ),
    ]);
    expect(named.stderr).not.toContain("TOKEN");
  });

  test("gives a name to one subject alone", async () => {
    const tokens = file(`${TOKEN}-1 alice\n${TOKEN}-2 bob\n`);
    const { url } = await relay("--token-file", tokens);
    const first = start(["expose", "1", "--name", "app", "--relay", url], { FOURTUPLE_TOKEN: `${TOKEN}-1` });
    await first.until(/can be reached/);
    const second = await fourtuple(["expose", "1", "--name", "app", "--relay", url], {
      env: { FOURTUPLE_TOKEN: `${TOKEN}-2` },
    });
    expect(second.code).toBe(6);
    expect(second.stderr).toContain("choose another with --name");
  });
});

describe("Usage", () => {
  test.each([
    [[], /^Usage: fourtuple/],
    [["nothing"], /unknown command 'nothing'/],
    [["relais"], /Did you mean relay/],
    [["relay", "--nothing"], /unknown option '--nothing'/],
    [["relay", "extra"], /too many arguments/],
    [["relay", "--listen", "somewhere"], /port is missing/],
    [["relay", "--listen", "127.0.0.1:99999"], /expected an integer from 0 to 65535/],
    [["relay", "--allow", "127.0.0.1:80"], /write tcp:HOST:PORTS/],
    [["relay", "--allow", "tcp:host"], /write tcp:HOST:PORTS/],
    [["relay", "--peers", "bob"], /peer:NAME:PORTS/],
    [["relay", "--origin", "https://a.example/path"], /an origin has no path: https:\/\/a\.example/],
    [["relay", "--log", "xml"], /Allowed choices are text, json/],
    [["relay", "--listen", "127.0.0.1:0", "--path", "foo"], /the path "foo": it must begin with "\/"/],
    [["relay", "--tls-cert", "cert.pem"], /both --tls-cert and --tls-key/],
    [["relay", "--token-file", "/does/not/exist"], /Cannot read \/does\/not\/exist: there is no such file/],
    [["relay", "--tls-cert", "/nope", "--tls-key", "/nope"], /Cannot read \/nope: there is no such file/],
    [
      ["relay", "--tls-cert", "package.json", "--tls-key", "package.json"],
      /TLS with package\.json and .*PEM/s,
    ],
    [["relay", "--key-file", "/nope/key"], /Cannot write \/nope\/key: the folder \/nope does not exist/],
    [["cat", "127.0.0.1:0"], /the port must be from 1 to 65535/],
    [["cat"], /missing required argument 'host:port'/],
    [["cat", "host"], /port is missing/],
    [["cat", ":80"], /write HOST:PORT/],
    [["cat", "a:80"], /No relay is given\n {2}Give --relay/],
    [["cat", "a:80", "--relay", "relay.example"], /write a URL such as wss:/],
    [["cat", "a:80", "--relay", "https://relay.example/"], /begins with ws:\/\/ or wss:/],
    [["cat", "a:80", "--relay", "wss://relay.example/?token=x"], /a URL ends up in logs/],
    [["cat", "a:80", "--relay", "ws://a/", "--timeout", "soon"], /give a number above 0/],
    [["expose", "0"], /port of a service/],
    [["expose", "3000", "--port", "0"], /a port is 1 to 65535/],
    [
      ["expose", "3000", "--relay", "ws://127.0.0.1:1/", "--name", "no name"],
      /Cannot name a tunnel "no name"/,
    ],
  ])("fourtuple %j is answered with 2 and what is wrong", async (parameters, message) => {
    const outcome = await fourtuple(parameters);
    expect(outcome).toMatchObject({ code: 2, signal: null, stdout: "" });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
  });

  test.each([
    ["an empty file", "", /there is no token in it/],
    ["a file of comments", "# nothing\n", /there is no token in it/],
    ["a short token", "short alice\n", /line 1: the token has fewer than 16 characters/],
    ["no subject", `# first\n${TOKEN}\n`, /line 2: the subject is missing/],
    ["an unknown option", `${TOKEN} alice color=red\n`, /"color=red" is none of names=/],
    ["a bad rule", `${TOKEN} alice allow=80\n`, /line 1: Cannot read the rule "80"/],
    ["a token twice", `${TOKEN} alice\n${TOKEN} bob\n`, /line 2: the token is there twice/],
  ])("a token file with %s is refused, and no token is shown", async (_name, content, message) => {
    const outcome = await fourtuple(["relay", "--token-file", file(content)]);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).not.toContain(TOKEN);
  });

  test.each([
    [["--help"], /Try it on one machine/],
    [["help", "cat"], /ProxyCommand/],
    [["relay", "--help"], /tcp:\*\.example\.com:80,443/],
    [["cat", "-h"], /printf/],
    [["expose", "--help"], /--publish 0\.0\.0\.0:8080/],
    [["tun", "--help"], /--hosts \/etc\/hosts/],
  ])("fourtuple %j explains with examples", async (parameters, text) => {
    const outcome = await fourtuple(parameters);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(text);
  });

  test("fourtuple --version prints the version alone", async () => {
    expect(await fourtuple(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});
