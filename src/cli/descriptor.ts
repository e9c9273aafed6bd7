import type { DescriptorState } from "../app/descriptor-state.ts";
import { errnoOf, LvscareError } from "../domain/errors.ts";

/**
 * Stdout or stderr. Text goes out by plain write(2), where the descriptor is positioned. The target belongs to the
 * user who redirected it: it is not truncated, extended in advance or made non-blocking, which every process that
 * shares the pipe would notice.
 */
export class Descriptor {
  readonly #fd: 1 | 2;
  #look: (() => DescriptorState) | undefined;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  /**
   * From now on, checks before each write: one that would block waits outside the kernel, so that signals and timers
   * go on. Without this, a slow reader blocks the whole process, as in most programs.
   */
  neverBlock(look: () => DescriptorState): void {
    this.#look = look;
  }

  /** The reader is gone, as far as one can see without writing. */
  get isUnread(): boolean {
    return this.#look?.().isUnread ?? false;
  }

  /**
   * Resolves when all of the text was taken. Rejects with the system's own error when the reader is gone, else with
   * OUTPUT_FAILED.
   */
  async take(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    let pauseMs = SHORTEST_PAUSE_MS;
    for (let at = 0; at < bytes.length;) {
      const taken = this.#takeSome(bytes, at);
      at += taken;
      if (taken > 0) pauseMs = SHORTEST_PAUSE_MS;
      else {
        await Bun.sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  // --- internal ---

  /** How many bytes were taken; 0 when there is no room now. */
  #takeSome(bytes: Uint8Array, at: number): number {
    if (this.#look?.().takesText === false) return 0;
    const end = this.#look === undefined ? bytes.length : endOfPiece(bytes, at);
    // An import would load it before the first write, which takes as long as a short command.
    const { writeSync } = process.getBuiltinModule("node:fs");
    try {
      return writeSync(this.#fd, bytes, at, end - at);
    } catch (error) {
      // Its maker may have made it non-blocking.
      if (errnoOf(error) === "EAGAIN" || errnoOf(error) === "EINTR") return 0;
      throw isReaderGone(error) ? error : outputFailed(this.#fd, error);
    }
  }
}

/** Errors that mean a lost reader: of a pipe, and of a socket with text on its way. */
export function isReaderGone(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "EPIPE" || errno === "ECONNRESET";
}

// --- internal ---

const SHORTEST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 100;

/** `PIPE_BUF` in linux/limits.h: a pipe that takes anything takes this much at once. */
const PIECE_BYTES = 4096;

const NEWLINE = 10;

/** With whole lines where it can be: another process may write between two pieces. */
function endOfPiece(bytes: Uint8Array, at: number): number {
  const most = at + PIECE_BYTES;
  if (most >= bytes.length) return bytes.length;
  const lastNewline = bytes.lastIndexOf(NEWLINE, most - 1);
  return lastNewline < at ? most : lastNewline + 1;
}

function outputFailed(fd: 1 | 2, cause: unknown): LvscareError {
  const errno = errnoOf(cause);
  return new LvscareError("OUTPUT_FAILED", cause instanceof Error ? cause.message : String(cause), {
    operation: `write to ${fd === 1 ? "stdout" : "stderr"}`,
    ...(errno === "ENOSPC" && { remedy: "make room where it is redirected to" }),
    ...(errno !== undefined && { errno }),
    cause,
  });
}
