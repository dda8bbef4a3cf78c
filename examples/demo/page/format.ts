// Numbers for people.

export function bytes(count: number | undefined): string {
  if (count === undefined || !Number.isFinite(count)) return "unlimited";
  if (count < 1024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = count / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function milliseconds(value: number | undefined): string {
  if (value === undefined || value === 0) return "not yet";
  return value < 10 ? `${value.toFixed(2)} ms` : `${value.toFixed(0)} ms`;
}
