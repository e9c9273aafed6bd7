import type { Output } from "../output.ts";
import type { LogSink } from "./create-logger.ts";

/**
 * Log lines to an output whose reader may be stuck. With four mebibytes on their way already, lines are dropped: neither memory nor the
 * health checks may suffer from a log that nobody reads.
 */
export function createBoundedSink(output: Output, colour: boolean): LogSink {
  return {
    colour,
    write(line, lose) {
      if (output.pendingLength > MOST_PENDING) return false;
      // A log that cannot be written has nowhere to complain to: the daemon's work goes on without it.
      output.write(line).catch(lose);
      return true;
    },
  };
}

// --- internal ---

/** More than ten thousand real servers have to say that die at once. */
const MOST_PENDING = 4 * 1024 * 1024;
