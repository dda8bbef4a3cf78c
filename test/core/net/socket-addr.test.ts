import { describe, expect, it } from "vitest";
import { SocketAddr } from "../../../src/core/net/index.ts";

describe("SocketAddr.parse()", () => {
  it.each([
    ["1.2.3.4:80", "1.2.3.4", 80, "IPv4"],
    ["[::1]:80", "::1", 80, "IPv6"],
    ["[2001:DB8:0:0:0:0:0:1]:65535", "2001:db8::1", 65_535, "IPv6"],
    ["[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1, "IPv6"],
    ["[fe80::1%eth0]:22", "fe80::1%eth0", 22, "IPv6"],
    ["db.internal:5432", "db.internal", 5432, undefined],
    ["localhost:0", "localhost", 0, undefined],
    ["bücher.example:80", "bücher.example", 80, undefined],
    [":8080", "", 8080, undefined],
    ["0x7f.1:80", "0x7f.1", 80, undefined],
  ])("reads %s", (text, hostname, port, family) => {
    const addr = SocketAddr.parse(text);
    expect({ hostname: addr.hostname, port: addr.port, family: addr.family }).toEqual({
      hostname,
      port,
      family,
    });
    expect(addr.transport).toBe("tcp");
    expect(SocketAddr.parse(addr.toString())).toEqual(addr);
  });

  it.each([
    ["1.2.3.4", 'Cannot parse address "1.2.3.4": the port is missing, as in "127.0.0.1:80"'],
    ["1.2.3.4:", 'Cannot parse address "1.2.3.4:": the port is missing, as in "127.0.0.1:80"'],
    ["", 'Cannot parse address "": the port is missing, as in "127.0.0.1:80"'],
    ["[::1]", 'Cannot parse address "[::1]": the port is missing, as in "127.0.0.1:80"'],
    ["::1:80", 'Cannot parse address "::1:80": write an IPv6 address in brackets, as in "[::1]:80"'],
    ["http://a:80", 'Cannot parse address "http://a:80": expected "host:port", not a URL or a path'],
    ["a:80/x", 'Cannot parse address "a:80/x": expected "host:port", not a URL or a path'],
    ["[nonsense]:80", 'Invalid hostname "[nonsense]": not an IPv6 address'],
    ["[1.2.3.4]:80", 'Invalid hostname "[1.2.3.4]": not an IPv6 address'],
    ["a b:80", 'Invalid hostname "a b": not an IP address or a name'],
    ["user@host:80", 'Invalid hostname "user@host": not an IP address or a name'],
    ["a\u0000b:80", 'Invalid hostname "a\u0000b": not an IP address or a name'],
  ])("refuses %j with a TypeError that helps", (text, message) => {
    expect(() => SocketAddr.parse(text)).toThrow(new TypeError(message));
  });

  it.each(["a:65536", "a:-1", "a:+1", "a:1e3", "a: 80", "a:0x50", "a:999999", "a:8o"])(
    "refuses the port of %j with ERR_SOCKET_BAD_PORT",
    (text) => {
      const error = thrown(() => SocketAddr.parse(text));
      expect(error).toBeInstanceOf(RangeError);
      expect(error).toMatchObject({
        code: "ERR_SOCKET_BAD_PORT",
        message: `Invalid port in "${text}": expected an integer from 0 to 65535`,
      });
    },
  );
});

describe("SocketAddr.from()", () => {
  it("takes text, objects, Deno.NetAddr and itself", () => {
    const addr = new SocketAddr("127.0.0.1", 80);
    expect(SocketAddr.from(addr)).toBe(addr);
    expect(SocketAddr.from("127.0.0.1:80")).toEqual(addr);
    expect(SocketAddr.from({ hostname: "127.0.0.1", port: 80 })).toEqual(addr);
    const netAddr = { transport: "tcp", hostname: "127.0.0.1", port: 80 } as const;
    expect(SocketAddr.from(netAddr)).toEqual(addr);
    expect({ ...addr }).toEqual(netAddr);
    expect(SocketAddr.from({ hostname: "[::1]", port: 80 }).hostname).toBe("::1");
    expect(SocketAddr.from({ port: 80 }).hostname).toBe("");
  });

  it("tells who writes host that it is called hostname", () => {
    const addr = { host: "localhost", port: 80 } as unknown as string;
    expect(() => SocketAddr.from(addr)).toThrow(
      new TypeError('Cannot use "host" in an address: the property is named "hostname"'),
    );
  });

  it.each([
    [null, 'Invalid address of type object: expected "host:port" or { hostname, port }'],
    [80, 'Invalid address of type number: expected "host:port" or { hostname, port }'],
    [{ hostname: 1, port: 80 }, "Invalid hostname of type number: expected a string"],
    [{ hostname: "a", port: "80" }, "Invalid port of type string: expected a number"],
    [{ hostname: "a" }, "Invalid port of type undefined: expected a number"],
  ])("refuses %j with a TypeError", (addr, message) => {
    expect(() => SocketAddr.from(addr as unknown as string)).toThrow(new TypeError(message));
  });

  it.each([65_536, -1, 1.5, Number.NaN])("refuses port %d with ERR_SOCKET_BAD_PORT", (port) => {
    expect(thrown(() => SocketAddr.from({ hostname: "a", port }))).toMatchObject({
      name: "RangeError",
      code: "ERR_SOCKET_BAD_PORT",
      message: `Invalid port ${port}: expected an integer from 0 to 65535`,
    });
  });
});

describe("a SocketAddr", () => {
  it("equals every other spelling of the same", () => {
    const addr = SocketAddr.parse("[2001:db8::1]:80");
    expect(addr.equals("[2001:0db8:0::0001]:80")).toBe(true);
    expect(addr.equals({ hostname: "2001:db8::1", port: 80 })).toBe(true);
    expect(addr.equals("[2001:db8::1]:81")).toBe(false);
    expect(addr.equals("[2001:db8::2]:80")).toBe(false);
    expect(SocketAddr.parse("Example.COM:80").equals("example.com:80")).toBe(true);
  });

  it("becomes text with brackets and JSON without", () => {
    const addr = SocketAddr.parse("[::1]:80");
    expect(String(addr)).toBe("[::1]:80");
    expect(JSON.stringify(addr)).toBe('{"hostname":"::1","port":80}');
  });

  it("fills in a hostname only where there is none", () => {
    expect(String(SocketAddr.parse(":80").withDefaultHostname("0.0.0.0"))).toBe("0.0.0.0:80");
    expect(String(SocketAddr.parse("a:80").withDefaultHostname("0.0.0.0"))).toBe("a:80");
  });
});

function thrown(task: () => unknown): unknown {
  try {
    task();
  } catch (error) {
    return error;
  }
  return undefined;
}
