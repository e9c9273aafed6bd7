/** What a descriptor writes to, as far as people sit before it. */
export interface Terminal {
  readonly isTerminal: boolean;
  /** The present size: people change it. Undefined when it is no terminal, and lines may have any length. */
  readonly columns: number | undefined;
  /** As `columns`. */
  readonly rows: number | undefined;
}

/**
 * Looks only when asked: the part of the runtime that is needed takes more than a millisecond to load, and most
 * commands never ask. The runtime's own streams know it too, but making them takes longer than a short command does.
 */
export function terminalAt(fd: 1 | 2): Terminal {
  let isTerminal: boolean | undefined;
  const stream = (): NodeJS.WriteStream | undefined => {
    isTerminal ??= isTerminalAt(fd);
    if (!isTerminal) return undefined;
    return fd === 1 ? process.stdout : process.stderr;
  };
  return {
    get isTerminal() {
      return (isTerminal ??= isTerminalAt(fd));
    },
    // Some terminals say that they are 0 columns wide.
    get columns() {
      return stream()?.columns || undefined;
    },
    get rows() {
      return stream()?.rows || undefined;
    },
  };
}

// --- internal ---

/** Major number of /dev/null and its like. */
const MEMORY_DEVICES = 1;

function isTerminalAt(fd: number): boolean {
  // `import` would load them whether they are needed or not, and `import()` could not be waited for here.
  const { fstatSync } = process.getBuiltinModule("node:fs");
  try {
    const stat = fstatSync(fd);
    if (!stat.isCharacterDevice() || ((stat.rdev >> 8) & 0xfff) === MEMORY_DEVICES) return false;
  } catch {
    // It is closed.
    return false;
  }
  return process.getBuiltinModule("node:tty").isatty(fd);
}
