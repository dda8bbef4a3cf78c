// Transfers in virtual time before the one that counts: what is measured is TCP, not a compiler that meets it for the
// first time.

import { Driver, IpAddress, Prefix, Stack, type TcpOptions } from "../../../src/core/index.ts";
import { Random, SimClock, SimPath } from "../../../src/core/sim/index.ts";

/** Sends for so many milliseconds of processor time, over a path like the real one. */
export function warmUp(tcp: Partial<TcpOptions>, milliseconds: number): void {
  const until = performance.now() + milliseconds;
  for (let seed = 1; performance.now() < until; seed++) transfer(tcp, seed, until);
}

function transfer(tcp: Partial<TcpOptions>, seed: number, until: number): void {
  const clock = new SimClock();
  const random = new Random(seed);
  const host = (ip: string): { driver: Driver; address: IpAddress; attach: (link: SimPath["a"]) => void } => {
    const address = IpAddress.parse(ip) as IpAddress;
    const secret = new Uint8Array(32);
    random.fill(secret);
    const stack = new Stack({ secret, addresses: [address], tcp });
    const everywhere = Prefix.parse("0.0.0.0/0") as Prefix;
    const route = stack.addRoute(everywhere, { reliable: false, checksum: true, mtu: 1_500 });
    const driver = new Driver({ stack, clock });
    return { driver, address, attach: (link) => void driver.attach(link, { routes: [route] }) };
  };
  const [sender, receiver] = [host("10.0.0.1"), host("10.0.0.2")];
  const way = { delay: 5_000, rate: 12_500_000, queue: 125_000 };
  const path = new SimPath({ clock, random, path: way, aToB: { loss: 0.005 } });
  sender.attach(path.a);
  receiver.attach(path.b);
  const listener = receiver.driver.listen({ address: null, port: 7 });
  const source = sender.driver.dial({ remote: receiver.address, remotePort: 7 });
  const data = new Uint8Array(262_144);
  clock.run(50_000);
  const sink = listener.accept();
  while (clock.now() < 5_000_000 && performance.now() < until) {
    while (source.send(data) > 0) {}
    clock.run(clock.now() + 5_000);
    while (sink?.receive(1 << 20)) {}
  }
}
