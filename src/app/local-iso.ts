import { localTime } from "./local-time.ts";

/**
 * `2026-11-24T02:38:49.120+05:45`: the local time, as in the log, and its offset from UTC. Any other text is returned
 * as it is.
 */
export function localIso(utc: string): string {
  const time = new Date(utc);
  if (Number.isNaN(time.getTime())) return utc;
  const local = localTime(time);
  const minutes = Math.round((local.getTime() - time.getTime()) / 60_000);
  const offset = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${local.toISOString().slice(0, -1)}${minutes < 0 ? "-" : "+"}${offset.join(":")}`;
}
