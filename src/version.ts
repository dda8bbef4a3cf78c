// The package's version; test/package/manifests.test.ts holds it equal to package.json and deno.json.

export const version = "0.1.0" as const;
