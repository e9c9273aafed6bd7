/** Every way a part of LVScare can fail, by the code that scripts and tests may rely on. */
export type ErrorCode =
  | "USAGE"
  | "BAD_ADDRESS"
  | "BAD_DURATION"
  | "LIBRARY_MISSING"
  | "JIT_MISSING"
  | "MODULE_MISSING"
  | "SCHEDULER_MISSING"
  | "SOURCE_MISSING"
  | "NOT_PERMITTED"
  | "KERNEL_REFUSED"
  | "KERNEL_TIMEOUT"
  | "SOCKET_FAILED"
  | "MALFORMED_MESSAGE"
  | "ADDRESS_NOT_LOCAL"
  | "ADDRESS_IN_USE"
  | "ALREADY_RUNNING"
  | "NOT_RUNNING"
  | "NOT_LISTED"
  | "NOT_CHECKED"
  | "IN_THE_WAY"
  | "NOT_SUPPORTED"
  | "NO_NODE_ADDRESS"
  | "NO_PASSAGE"
  | "CONTROL_FAILED"
  | "BAD_MANIFEST"
  | "FILE_FAILED"
  | "OUTPUT_FAILED"
  | "APPLY_FAILED"
  | "CLUSTER_FAILED";

export interface LvscareErrorOptions {
  /** What was being done, as a verb phrase: `add real server 10.0.0.2:6443`. */
  readonly operation?: string;
  /** What the reader can do about it, as an imperative sentence. */
  readonly remedy?: string;
  /** The kernel's name for the failure, such as `ENOENT`. */
  readonly errno?: string;
  readonly cause?: unknown;
}

/** A program failure. A failed probe is not one of these: it is a `Verdict`. */
export class LvscareError extends Error {
  readonly code: ErrorCode;
  readonly operation: string | undefined;
  readonly remedy: string | undefined;
  readonly errno: string | undefined;

  constructor(code: ErrorCode, message: string, options: LvscareErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "LvscareError";
    this.code = code;
    this.operation = options.operation;
    this.remedy = options.remedy;
    this.errno = options.errno;
  }
}

/** One line for people: operation, message and remedy, for any thrown value. */
export function describeError(error: unknown): string {
  if (!(error instanceof LvscareError)) {
    return error instanceof Error ? error.message : String(error);
  }
  const what = error.operation === undefined ? error.message : `${error.operation}: ${error.message}`;
  return error.remedy === undefined ? what : `${what} (${error.remedy})`;
}

/**
 * Throws what failed, if anything did: a single failure as it is, several as one error that lists each with its
 * remedy.
 */
export function throwFailures(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(describeError).join("; "));
}

/** `ENOENT` of an error that this program or the runtime threw for a system call; undefined for others. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof LvscareError) return error.errno;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
