// What happens, line by line, on standard error: as text for people or as JSON for machines. What a command was asked
// for goes to standard output. Tokens and payloads are never logged.
import { type Logger, pino } from "pino";

export type LogFormat = "text" | "json";
export const logFormats: readonly LogFormat[] = ["text", "json"];

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

export interface LogOptions {
  readonly log: LogFormat;
  readonly logLevel: LogLevel;
}

/** A logger onto a stream, by default standard error. */
export function createLogger(
  options: LogOptions,
  output: { write(line: string): unknown } = process.stderr,
): Logger {
  const destination =
    options.log === "json" ? output : { write: (line: string) => output.write(asText(line)) };
  return pino(
    {
      level: options.logLevel,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "event",
    },
    destination,
  );
}

/** "12:34:56 info session-opened name=alice subject=ci". */
function asText(line: string): string {
  const { time, level, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 19);
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${readable(value)}`);
  return `${clock} ${String(level).padEnd(5)} ${event}${rest.join("")}\n`;
}

function readable(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
