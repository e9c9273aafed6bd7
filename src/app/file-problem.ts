import { accessSync, constants, statSync } from "node:fs";
import type { ProbeOptions } from "../config/care-options.ts";
import type { FileLook } from "../config/file/probe-draft.ts";
import { errnoOf } from "../domain/errors.ts";

/** Why a file cannot be read now; undefined when it can. */
function fileProblem(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile() ? undefined : "it is no file";
  } catch (failure) {
    return readingProblem(failure);
  }
}

/** For a configuration that is to count on this host. */
export const FILES_HERE: FileLook = { problemOf: fileProblem, severity: "error" };

/** For one that is to count on another: what is not here may be there. */
export const FILES_ELSEWHERE: FileLook = { problemOf: fileProblem, severity: "warning" };

/** What is wrong with the files that flags name for checks, a line each. */
export function probeFileProblems(probe: ProbeOptions): string[] {
  const tls = "tls" in probe ? probe.tls : undefined;
  const named = [
    ["--kubeconfig", probe.type === "kube-apiserver" ? probe.kubeconfig : undefined],
    ["--health-token-file", "tokenFile" in probe ? probe.tokenFile : undefined],
    ["--health-ca-file", tls?.caFile],
    ["--health-cert-file", tls?.certFile],
    ["--health-key-file", tls?.keyFile === tls?.certFile ? undefined : tls?.keyFile],
  ] as const;
  return named.flatMap(([flag, path]) => {
    const problem = path === undefined ? undefined : fileProblem(path);
    return problem === undefined ? [] : [`${flag}: ${path}: ${problem}`];
  });
}

/** Why the system did not let a file be read. Throws what is no refusal of the system. */
export function readingProblem(failure: unknown): string {
  const errno = errnoOf(failure);
  if (errno === undefined) throw failure;
  return TOLD.get(errno) ?? `cannot be read (${errno})`;
}

// --- internal ---

const TOLD: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file"],
  ["ENOTDIR", "no such file"],
  ["EACCES", "it may not be read (EACCES)"],
  ["EPERM", "it may not be read (EPERM)"],
  ["ELOOP", "its links go round"],
]);
