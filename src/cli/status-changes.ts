import { oneLine } from "../config/one-line.ts";
import { describeHold } from "../domain/hold.ts";
import type { StatusReport } from "../domain/status.ts";
import { describeState } from "./status-text.ts";

/** A line for each real server whose state or weight is another than before, and for each that is no longer there. */
export function changedServers(before: StatusReport | undefined, now: StatusReport): string[] {
  const [old, current] = [linesByServer(before), linesByServer(now)];
  const changed = [...current].filter(([server, line]) => old.get(server) !== line).map(([, line]) => line);
  const gone = [...old.keys()].filter((server) => !current.has(server)).map((server) => `${server} is gone`);
  return [...changed, ...gone];
}

// --- internal ---

function linesByServer(report: StatusReport | undefined): Map<string, string> {
  const lines = (report?.virtualServers ?? []).flatMap(({ address, realServers }) =>
    realServers.map((server): [string, string] => {
      const name = oneLine(`${address}  ${server.address}`);
      const weight = server.weight === undefined ? "not in the table" : `weight ${server.weight}`;
      const hold = server.hold === undefined ? "" : `  held: ${describeHold(server.hold)}`;
      return [name, `${name}  ${describeState(server)}  ${weight}${hold}`];
    }),
  );
  return new Map(lines);
}
