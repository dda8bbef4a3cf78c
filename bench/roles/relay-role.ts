// What every relay process answers.

export interface RelayRole {
  /** Begins to relay to the TCP server at `serverPort`. */
  serve(serverPort: number): Promise<{ readonly port: number }>;
}
