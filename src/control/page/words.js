// @ts-check

/**
 * `12s`, `3m20s`, `12m`, `5h12m`, `3d4h`: no finer than it matters, so that what is old stands still.
 *
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return join(minutes, "m", seconds % 60, "s");
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return join(hours, "h", minutes % 60, "m");
  return join(Math.floor(hours / 24), "d", hours % 24, "h");
}

/**
 * Between a time of the daemon and its now.
 *
 * @param {string} at
 * @param {number} now
 */
export function since(at, now) {
  return duration(now - Date.parse(at));
}

/**
 * `0.42 ms`, `8.1 ms`, `210 ms`, `3.0 s`
 *
 * @param {number} ms
 */
export function latency(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 10) return `${Math.round(ms)} ms`;
  return `${ms.toFixed(ms >= 1 ? 1 : 2)} ms`;
}

/** @param {number} count */
export function thousands(count) {
  return NUMBERS.format(count);
}

/**
 * `1 connection`, `2 connections`
 *
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${thousands(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * `1.2 MB`
 *
 * @param {number} count
 */
export function bytes(count) {
  const power = Math.min(UNITS.length - 1, count < 1000 ? 0 : Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

/**
 * The time of day, with the date unless it is today's.
 *
 * @param {string} at
 */
export function timeOfDay(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "?";
  const time = date.toLocaleTimeString("en-GB");
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString("en", { month: "short", day: "numeric" })} ${time}`;
}

/**
 * `0.4`, `12`, `1,234`: how often something happens in a second.
 *
 * @param {number} rate
 */
export function perSecond(rate) {
  return rate > 0 && rate < 10 ? rate.toFixed(1) : thousands(Math.round(rate));
}

// --- internal ---

/** Made once: making one takes longer than a hundred uses. */
const NUMBERS = new Intl.NumberFormat("en");

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/**
 * @param {number} large
 * @param {string} unit
 * @param {number} small
 * @param {string} smallUnit
 */
function join(large, unit, small, smallUnit) {
  return small === 0 ? `${large}${unit}` : `${large}${unit}${small}${smallUnit}`;
}
