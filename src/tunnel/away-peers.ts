// Peers that the relay said are away: connections with them stand still until they are back, or the relay tells anew.
import type { Driver } from "../core/link/driver.ts";
import type { IpAddress } from "../core/wire/ip-address.ts";

export class AwayPeers {
  private readonly driver: Driver;
  private readonly all = new Map<string, IpAddress>();

  constructor(driver: Driver) {
    this.driver = driver;
  }

  add(address: IpAddress): void {
    this.all.set(address.toString(), address);
    this.driver.setAway(address, true);
  }

  remove(address: IpAddress): void {
    if (this.all.delete(address.toString())) this.driver.setAway(address, false);
  }

  clear(): void {
    for (const address of this.all.values()) this.driver.setAway(address, false);
    this.all.clear();
  }
}
