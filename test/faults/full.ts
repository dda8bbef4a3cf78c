// How much is run: the short part with all other tests, all of it by `npm run test:resume`.

export const isFull: boolean = process.env["FOURTUPLE_RESUME"] === "full";

export function chosen<Value>(short: Value, full: Value): Value {
  return isFull ? full : short;
}
