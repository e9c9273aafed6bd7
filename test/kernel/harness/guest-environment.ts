import { homedir } from "node:os";
import { dirname, resolve } from "node:path";

const checkout = resolve(import.meta.dir, "../../..");

/** Where the checkout's own `lvscare` is, once it was built. */
export const DIST = `${checkout}/dist`;

/** Little of the host's environment: what a command needs to find programs, `lvscare` among them, and this very Bun. */
export function guestEnvironment(): Record<string, string> {
  return {
    PATH: [
      `${checkout}/node_modules/.bin`,
      dirname(process.execPath),
      DIST,
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ].join(":"),
    HOME: homedir(),
    // Loading another locale takes an emulated program a third of its start.
    LANG: "C",
    TERM: process.env["TERM"] ?? "dumb",
    ...Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
  };
}

// --- internal ---

/** What somebody who runs a test asks it for. */
const PASSED_ON = ["LVSCARE_RELOADS", "LVSCARE_RELOADS_SEED"];
