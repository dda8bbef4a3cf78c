import { describe, expect, it } from "vitest";
import type { LinkPort } from "../../../src/core/link/index.ts";
import { RouteInquiry } from "../../../src/core/link/route-inquiry.ts";
import type { Route } from "../../../src/core/link/stack.ts";

/** Links a, b, ... of a route; what is asked and told is noted. */
function inquiry(...names: string[]) {
  const notes: string[] = [];
  const ports: LinkPort[] = [];
  const add = (name: string): LinkPort => {
    const port = { ping: () => void notes.push(`ping ${name}`) } as LinkPort;
    ports.push(port);
    return port;
  };
  const links = names.map(add);
  const route = {} as Route;
  const asked = new RouteInquiry(route, ports, {
    linksAnswered: (now, _route, askedAt) => void notes.push(`answered ${askedAt} at ${now}`),
  });
  const take = (): string[] => notes.splice(0);
  return { asked, ports, links, add, take };
}

describe("An inquiry of a route's links", () => {
  it("is over with the first pong of the only link", () => {
    const { asked, links, take } = inquiry("a");
    asked.begin(100);
    expect(take()).toEqual(["ping a"]);
    asked.answered(150, links[0], 99);
    expect(take()).toEqual(["answered 99 at 150"]);
  });

  it("asks several links twice: the ACK may have left on another link than the pong", () => {
    const { asked, links, take } = inquiry("a", "b");
    asked.begin(100);
    expect(take()).toEqual(["ping a", "ping b"]);
    asked.answered(150, links[0], 99);
    expect(take()).toEqual([]);
    asked.answered(900, links[1], 99);
    expect(take()).toEqual(["ping a", "ping b"]);
    asked.answered(950, links[1], 900);
    asked.answered(990, links[0], 900);
    expect(take()).toEqual(["answered 99 at 990"]);
  });

  it("does not take a pong to an earlier ping for an answer, nor two for both links'", () => {
    const { asked, links, take } = inquiry("a", "b");
    asked.begin(100);
    take();
    asked.answered(150, links[0], 50);
    asked.answered(151, links[1], 99);
    asked.answered(152, links[1], 99);
    expect(take()).toEqual([]);
    asked.answered(160, links[0], 99);
    expect(take()).toEqual(["ping a", "ping b"]);
  });

  it("does not begin twice", () => {
    const { asked, take } = inquiry("a");
    asked.begin(100);
    asked.begin(200);
    expect(take()).toEqual(["ping a"]);
  });

  it("goes on without a link that died, and begins again when one came", () => {
    const { asked, ports, links, add, take } = inquiry("a", "b");
    asked.begin(100);
    take();
    asked.answered(150, links[0], 99);
    ports.splice(1, 1);
    asked.linkLost(160, links[1]);
    expect(take()).toEqual(["ping a"]);
    const third = add("c");
    asked.linkAdded();
    asked.answered(200, links[0], 160);
    expect(take()).toEqual(["ping a", "ping c"]);
    for (const at of [200, 300]) for (const port of [third, links[0]]) asked.answered(at + 100, port, at);
    expect(take()).toEqual(["ping a", "ping c", "answered 99 at 400"]);
  });

  it("ends with the last link, and may begin anew", () => {
    const { asked, ports, links, add, take } = inquiry("a");
    asked.begin(100);
    ports.pop();
    asked.linkLost(150, links[0]);
    const other = add("b");
    take();
    asked.answered(200, other, 199);
    expect(take()).toEqual([]);
    asked.begin(300);
    asked.answered(350, other, 299);
    expect(take()).toEqual(["ping b", "answered 299 at 350"]);
  });

  it("asks nobody when there is nobody", () => {
    const { asked, take } = inquiry();
    asked.begin(100);
    expect(take()).toEqual([]);
  });
});
