// A span of time in words.

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** So many seconds in whole ones of the largest unit that fits: "in 2 hours"; below zero "3 minutes ago". */
export function span(seconds) {
  const [size, unit] = UNITS.find(([length]) => Math.abs(seconds) >= length) ?? [1, "second"];
  return words.format(Math.trunc(seconds / size), unit);
}
