import { careFor } from "../../../src/app/care.ts";
import { CARE_OPTION_ROWS } from "../../../src/config/care-option-rows.ts";
import { readArgv } from "../../../src/config/read-argv.ts";
import { resolveCareOptions } from "../../../src/config/resolve-care-options.ts";
import type { Logger } from "../../../src/domain/logger.ts";

// Cares for several virtual servers in this process: each argument is the command line of one, as JSON.

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const say = (level: string) => (message: string | (() => string)) =>
  console.error(`${level} ${typeof message === "string" ? message : message()}`);
const logger: Logger = { debug: () => undefined, info: say("INFO"), warn: say("WARN"), error: say("ERROR") };
const all = process.argv
  .slice(2)
  .map((text) => resolveCareOptions(readArgv(JSON.parse(text) as string[], CARE_OPTION_ROWS), {}));
const [first] = all;
if (first === undefined) throw new Error("no virtual server");
await careFor({ ...first, virtualServers: all }, stop.signal, logger);
