import { fstatSync } from "node:fs";

/** What a descriptor writes to, as far as people sit before it. */
export interface Terminal {
  readonly isTerminal: boolean;
  /** As it is now: people change it. Undefined when it is no terminal, and lines may be as long as they like. */
  readonly columns: number | undefined;
  /** Likewise. */
  readonly rows: number | undefined;
}

/** The runtime's own streams know it too, but making them takes longer than a short command does. */
export async function terminalAt(fd: 1 | 2): Promise<Terminal> {
  if (!mayBeTerminal(fd)) return NONE;
  const { isatty } = await import("node:tty");
  if (!isatty(fd)) return NONE;
  const stream = fd === 1 ? process.stdout : process.stderr;
  return {
    isTerminal: true,
    // Some terminals say that they are 0 columns wide.
    get columns() {
      return stream.columns || undefined;
    },
    get rows() {
      return stream.rows || undefined;
    },
  };
}

// --- internal ---

const NONE: Terminal = { isTerminal: false, columns: undefined, rows: undefined };

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
