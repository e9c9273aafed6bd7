/** Prints what is said of the time zone for each moment that it is given: by the C library, and by the runtime. */
import { localOffsetS } from "#native";

const moments = process.argv.slice(2).map(Number);
const pairs = moments.map((atMs) => [localOffsetS(atMs), -60 * new Date(atMs).getTimezoneOffset()]);
process.stdout.write(JSON.stringify(pairs));
