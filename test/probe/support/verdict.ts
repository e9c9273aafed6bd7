import { expect } from "bun:test";
import type { ProbeOptions } from "../../../src/config/care-options.ts";
import { parseDocument } from "../../../src/config/file/parse-document.ts";
import { readConfig } from "../../../src/config/file/read-config.ts";
import { formatEndpoint, type Endpoint } from "../../../src/domain/endpoint.ts";
import { checkOnce } from "../contract.ts";

/** A probe as a configuration file has it. */
export type FileProbe = Readonly<Record<string, unknown>>;

/** For a server of its own process, which other work may hold up for some seconds. */
const PATIENCE = "45s";

/** What such a probe says of a server: `passed`, or why not. It waits as long as it says, or until the server had its turn. */
export async function verdictOf(endpoint: Endpoint, probe: FileProbe): Promise<string> {
  const { passed, reason } = await checkOnce(
    optionsOf(endpoint, { interval: PATIENCE, timeout: PATIENCE, ...probe }),
    endpoint,
  );
  return passed === true ? "passed" : passed === false ? reason : `unknown: ${reason}`;
}

/** As it is resolved for a server. */
export function optionsOf(endpoint: Endpoint, probe: FileProbe): ProbeOptions {
  const file = {
    version: 1,
    "virtual-servers": [
      { address: "10.0.0.1:80", scheduler: "wrr", "real-servers": [formatEndpoint(endpoint)], probe },
    ],
  };
  const { config, findings } = readConfig([parseDocument({ name: "f.yaml", text: JSON.stringify(file) })]);
  expect(findings.map(({ message }) => message)).toEqual([]);
  const options = config?.virtualServers[0]?.probe;
  if (options === undefined || options.type === "combination") throw new Error("no probe");
  return options;
}
