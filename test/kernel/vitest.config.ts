// Against the kernel of this machine, one file after the other: npm run test:kernel.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/kernel/**/*.test.ts"],
    environment: "node",
    testTimeout: 180_000,
    hookTimeout: 60_000,
    pool: "forks",
    fileParallelism: false,
  },
});
