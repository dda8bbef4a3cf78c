import { defineConfig } from "vitest/config";

// All that npm test runs of test/faults in short, in full: 256 MiB, every byte of a handshake, 1,000 sessions at once.
export default defineConfig({
  test: {
    include: ["test/faults/**/*.test.ts"],
    environment: "node",
    env: { FOURTUPLE_RESUME: "full" },
    testTimeout: 1_200_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
