// What the command line exits with, so that scripts can tell failures apart. docs/command-line.md has the same table.

export const ExitCode = {
  /** Done, or ended by SIGINT or SIGTERM where that is how it ends (relay, expose). */
  ok: 0,
  /** Something failed under way: a connection was reset, the tunnel was lost. */
  failure: 1,
  /** The command was not understood. */
  usage: 2,
  /** The relay cannot be reached, or what answers is no relay or one of another version. */
  relay: 3,
  /** Not permitted: no or a wrong token, a rule that forbids, a port that needs rights. */
  denied: 4,
  /** The relay is there, the destination is not: refused, unreachable, not found, no answer. */
  destination: 5,
  /** A port, an address or a name is somebody else's, from the start or since a newer tunnel took it. */
  inUse: 6,
  /** Whoever read standard output went away; as of a program that died of SIGPIPE. */
  brokenPipe: 141,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
