// The numbers of the control frames that a tunnel and a relay exchange (docs/protocol.md §4, §5). Types 1 to 15
// belong to the link (ping, pong, received), 16 to 31 to the handshake, 32 and above are session control, which
// is numbered. Numbers are never used again for something else.

/** Version of the protocol in `challenge` and `hello`. */
export const protocolVersion = 1 as const;

export const HandshakeType = { challenge: 16, hello: 17, welcome: 18, refuse: 19 } as const;

export const SessionType = {
  resolve: 32,
  resolved: 33,
  publish: 34,
  published: 35,
  unpublish: 36,
  opened: 37,
  failed: 38,
  route: 39,
  going: 40,
  bye: 41,
} as const;

export type SessionType = (typeof SessionType)[keyof typeof SessionType];

/** The first number of session control: everything from here on carries `n`. */
export const firstSessionType = 32 as const;
