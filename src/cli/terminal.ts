import { fstatSync } from "node:fs";

/** What a descriptor writes to, as far as people sit before it. */
export interface Terminal {
  readonly isTerminal: boolean;
  /** Undefined when it is no terminal, and lines may be as long as they like. */
  readonly columns: number | undefined;
}

/** The runtime's own streams know it too, but making them takes longer than a short command does. */
export async function terminalAt(fd: 1 | 2): Promise<Terminal> {
  if (!mayBeTerminal(fd)) return NONE;
  const { isatty } = await import("node:tty");
  if (!isatty(fd)) return NONE;
  const { stdout, stderr } = process;
  // Some terminals say that they are 0 columns wide.
  return { isTerminal: true, columns: (fd === 1 ? stdout : stderr).columns || undefined };
}

// --- internal ---

const NONE: Terminal = { isTerminal: false, columns: undefined };

/** Major number of /dev/null and its like. */
const MEMORY_DEVICES = 1;

function mayBeTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isCharacterDevice() && ((stat.rdev >> 8) & 0xfff) !== MEMORY_DEVICES;
  } catch {
    // It is closed.
    return false;
  }
}
