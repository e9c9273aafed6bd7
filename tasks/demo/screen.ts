import { createPaint, wantsColour, type Colour } from "../../src/cli/colour.ts";
import { formatDuration } from "../../src/domain/duration.ts";
import type { RealServerStatus, VirtualServerStatus } from "../../src/domain/status.ts";

/** Set where the terminal is behind another process of the demonstration. */
export const COLOUR_VARIABLE = "LVSCARE_DEMO_COLOUR";

const paint = createPaint(
  wantsColour(process.stdout.isTTY, process.env) || (process.env[COLOUR_VARIABLE] ?? "") !== "",
);

/** A paragraph; what is between asterisks stands out. */
export function say(text: string): void {
  process.stdout.write(`${text.replaceAll(/\*([^*]+)\*/g, (_, words: string) => paint("bold", words))}\n`);
}

/** Each real server as the daemon has it, with a mark at the one that is to be looked at. */
export function show({ realServers }: VirtualServerStatus, changed?: string): void {
  const lines = realServers.map((server) => {
    const { name = server.address, state, weight, lastVerdict } = server;
    const isChanged = name === changed;
    const cells = [
      paint("bold", isChanged ? " ▶ " : "   ") + (isChanged ? paint("bold", name.padEnd(8)) : name.padEnd(8)),
      paint(COLOURS.get(state) ?? "grey", state.padEnd(10)),
      (weight === undefined ? "not in the table" : `weight ${weight}`).padEnd(18),
      lastVerdict === undefined ? "" : verdictText(lastVerdict),
    ];
    return `${cells.join("").trimEnd()}\n`;
  });
  process.stdout.write(`\n${lines.join("")}\n`);
}

// --- internal ---

const COLOURS: ReadonlyMap<RealServerStatus["state"], Colour> = new Map([
  ["healthy", "green"],
  ["draining", "yellow"],
  ["removed", "red"],
]);

function verdictText({ passed, reason, latencyMs }: NonNullable<RealServerStatus["lastVerdict"]>): string {
  return passed ? `check passed: ${reason} in ${formatDuration(latencyMs)}` : `check failed: ${reason}`;
}
