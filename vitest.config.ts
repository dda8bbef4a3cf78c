import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // test/kernel needs root and a TUN device: npm run test:kernel.
    exclude: ["**/node_modules/**", "test/runtimes/node_modules/**", "test/kernel/**"],
    environment: "node",
    clearMocks: true,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "forks",
    // vitest leaves one core to itself; on two cores that would be one file after the other.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
