import { describe, expect, test } from "vitest";
import { IpAddress } from "../../src/core/wire/ip-address.ts";
import { handleAddress, networkAddresses, peerAddress } from "../../src/tunnel/addresses.ts";
import { isPeerName, peerNameOf } from "../../src/tunnel/peer-name.ts";

describe("The addresses of a network", () => {
  // The worked example of docs/protocol.md §3: another client must come to the same.
  test("are those of the worked example", () => {
    const { peers, handles, gateway, ipv4 } = networkAddresses("example");
    expect({
      peers: `${peers}`,
      handles: `${handles}`,
      gateway: `${gateway}`,
      ipv4: `${ipv4}`,
      alice: `${peerAddress("example", peers, "alice")}`,
      firstHandle: `${handleAddress(handles, 1)}`,
      embedded: `${ipv4.embedIpv4(IpAddress.v4(93, 184, 216, 34))}`,
    }).toMatchInlineSnapshot(`
      {
        "alice": "fdca:f9e2:edad:1:cb9d:3545:53fa:a3cf",
        "embedded": "fdca:f9e2:edad:4::5db8:d822",
        "firstHandle": "fdca:f9e2:edad:2::1",
        "gateway": "fdca:f9e2:edad:3::1",
        "handles": "fdca:f9e2:edad:2::/64",
        "ipv4": "fdca:f9e2:edad:4::/96",
        "peers": "fdca:f9e2:edad:1::/64",
      }
    `);
  });

  test("are disjoint unique local prefixes", () => {
    const { peers, handles, gateway, ipv4 } = networkAddresses("fourtuple");
    for (const prefix of [peers, handles, ipv4]) {
      expect(prefix.address.w0 >>> 24).toBe(0xfd);
      expect(prefix.contains(gateway)).toBe(false);
    }
    expect(
      peers.contains(handles.address) || handles.contains(ipv4.address) || peers.contains(ipv4.address),
    ).toBe(false);
  });

  test("differ by network and by name, and by nothing else", () => {
    const { peers } = networkAddresses("one");
    const other = networkAddresses("two").peers;
    expect(peers.equals(other)).toBe(false);
    expect(peerAddress("one", peers, "a").equals(peerAddress("one", peers, "b"))).toBe(false);
    expect(peerAddress("one", peers, "a").equals(peerAddress("two", peers, "a"))).toBe(false);
    expect(peerAddress("one", peers, "a").equals(peerAddress("one", peers, "a"))).toBe(true);
  });
});

describe("The name of a tunnel", () => {
  test.each(["a", "alice", "web-1", "0", "1-2-3", "a".repeat(63)])("%s is one", (name) => {
    expect(isPeerName(name)).toBe(true);
  });

  test.each(["", "-a", "a-", "A", "a.b", "a_b", "ä", "a b", "a".repeat(64)])("%j is none", (name) => {
    expect(isPeerName(name)).toBe(false);
  });

  test("is what stands before .peer, in any case and with or without a final dot", () => {
    expect(peerNameOf("Bob.PEER")).toBe("bob");
    expect(peerNameOf("bob.peer.")).toBe("bob");
    expect(peerNameOf("bob.peers")).toBeNull();
    expect(peerNameOf("peer")).toBeNull();
  });
});
