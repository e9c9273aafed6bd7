import { errnoName } from "../src/domain/errno.ts";
import { LvscareError, type ErrorCode } from "../src/domain/errors.ts";

/** What a failed system call throws: the code, what was being done, and the kernel's name for the reason. */
export function kernelRefused(
  errno: number,
  operation: string,
  code: Extract<ErrorCode, "SOCKET_FAILED" | "FILE_FAILED"> = "SOCKET_FAILED",
): LvscareError {
  const name = errnoName(errno);
  return new LvscareError(code, `the kernel refused with ${name}`, { operation, errno: name });
}
