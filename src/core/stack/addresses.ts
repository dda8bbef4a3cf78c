// The addresses of a host: a handful, so a list.

import type { IpAddress } from "../wire/ip-address.ts";

export class Addresses {
  private readonly list: readonly IpAddress[];

  constructor(addresses: readonly IpAddress[]) {
    this.list = [...addresses];
  }

  has(address: IpAddress): boolean {
    return this.list.some((own) => own.equals(address));
  }

  /** Our own object of an address, so that connections share it. */
  same(address: IpAddress): IpAddress {
    return this.list.find((own) => own.equals(address)) ?? address;
  }

  /** The one to speak from to a host of that family (RFC 6724 in its simplest case). */
  of(family: 4 | 6): IpAddress | undefined {
    return this.list.find((address) => address.family === family);
  }

  get first(): IpAddress | undefined {
    return this.list[0];
  }
}
