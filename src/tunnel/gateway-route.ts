// What both ends of the gateway route agree on without saying: both are fourtuple stacks over reliable links.

/** DESIGN §5: at most a second on this route, where nothing is old or doubled. Microseconds. */
export const gatewayTimeWait = 1_000_000 as const;

/**
 * A connection's share of the link: its window has to cover the link's round trip, event loops that are late included,
 * at the rate of the link. These are ceilings: buffers begin small and grow with need, within the memory of the stack.
 * And no delay, which is what streams begin with: so they share the route's options.
 */
export const gatewayOptions: {
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
  readonly noDelay: boolean;
} = { sendBuffer: 4 << 20, receiveBuffer: 4 << 20, noDelay: true };
