import { localOffsetS } from "#native";

/**
 * The same moment as a date whose UTC fields show this host's local time.
 *
 * From the C library, because the first local field of a `Date` takes the runtime ten milliseconds, and the first log
 * line comes before the virtual server. Where TZ names a zone, the runtime is used anyway: it contains all zones,
 * while the C library uses UTC for a zone whose file is not in the image.
 */
export function localTime(time: Date): Date {
  const atMs = time.getTime();
  const isNamed = (process.env["TZ"] ?? "") !== "";
  return new Date(atMs + (isNamed ? time.getTimezoneOffset() * -60_000 : localOffsetS(atMs) * 1000));
}
