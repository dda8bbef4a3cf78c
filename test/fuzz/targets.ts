// All that the fuzzer knows to run.

import { controlTarget } from "./control-target.ts";
import { operationTarget } from "./operation-target.ts";
import { parserTarget } from "./parser-target.ts";
import { blindTarget, segmentTarget } from "./segment-target.ts";
import type { FuzzTarget } from "./target.ts";

export const targets: readonly FuzzTarget[] = [
  parserTarget,
  segmentTarget,
  blindTarget,
  operationTarget,
  controlTarget,
];
