export type Colour = "bold" | "red" | "green" | "yellow" | "cyan" | "grey";

export type Paint = (colour: Colour, text: string) => string;

/** Colours text for a terminal, or leaves it alone. */
export function createPaint(enabled: boolean): Paint {
  return (colour, text) => (enabled && text !== "" ? `\u001B[${CODES[colour]}m${text}\u001B[0m` : text);
}

/** Colour is for people at terminals, unless they turned it off (no-color.org). */
export function wantsColour(isTTY: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  return isTTY && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
}

// --- internal ---

const CODES: Readonly<Record<Colour, number>> = { bold: 1, red: 31, green: 32, yellow: 33, cyan: 36, grey: 90 };
