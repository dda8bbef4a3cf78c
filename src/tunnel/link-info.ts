// The figures of one link, as users see them: times in milliseconds, undefined while unknown.
import type { LinkPort } from "../core/link/link-port.ts";
import type { TunnelInfo } from "./tunnel-types.ts";

export function linkInfo(id: number, port: LinkPort): TunnelInfo["links"][number] {
  return {
    id,
    description: port.link.description,
    rtt: port.rtt === 0 ? undefined : port.rtt / 1_000,
    minRtt: port.minRtt === 0 ? undefined : port.minRtt / 1_000,
    rate: port.rate === 0 ? undefined : port.rate,
    bytesSent: port.bytesSent,
    bytesReceived: port.bytesReceived,
    inFlight: port.inFlight,
    budget: port.budget,
  };
}
