// The stack that a driver runs, for the rooms above, which see core/stack only through this room.

export { type ForwardRequest, type Route, Spares, Stack } from "../stack/index.ts";
