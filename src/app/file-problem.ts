import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { ProbeOptions } from "../config/care-options.ts";
import type { FileLook } from "../config/file/probe-draft.ts";
import { isBearerToken, readKubeconfig, type Stored } from "../config/kubeconfig.ts";
import type { FileKind } from "../config/option-row.ts";
import { errnoOf } from "../domain/errors.ts";
import { holdsPem } from "../domain/pem.ts";
import { keyPairProblem } from "../probe/key-pair.ts";
import { directoryProblem, programProblem } from "../probe/exec/program-problem.ts";
import { userProblem } from "../probe/exec/script-user.ts";
import { readBasicAuth, readHeaderLines, readToken } from "../probe/http/secret-headers.ts";

/** Why a file, or a user, is not there now, or is not what it has to be; undefined when all is well. `context`: of a kubeconfig. */
function fileProblem(path: string, kind?: FileKind, context?: string): string | undefined {
  try {
    if (kind === "program") return programProblem(path);
    if (kind === "directory") return directoryProblem(path);
    if (kind === "user") return userProblem(path);
    if (kind === "kubeconfig") return kubeconfigProblem(path, context);
    accessSync(path, constants.R_OK);
    if (!statSync(path).isFile()) return "it is no file";
    if (kind === undefined) return undefined;
    const text = readFileSync(path, "utf8");
    if (kind === "token") return problemIn(readToken(text));
    if (kind === "basic-auth") return problemIn(readBasicAuth(text));
    if (kind === "headers") return problemIn(readHeaderLines(text));
    return holdsPem(text, kind) ? undefined : `it holds no ${kind}`;
  } catch (failure) {
    return readingProblem(failure);
  }
}

/** Of files that are well by themselves: which of the two is what it must not be beside the other, and why. */
function pairProblem(certFile: string, keyFile: string): ReturnType<FileLook["pairProblemOf"]> {
  return keyPairProblem({ cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") });
}

/** For a configuration that is to count on this host. */
export const FILES_HERE: FileLook = { problemOf: fileProblem, pairProblemOf: pairProblem, severity: "error" };

/** For one that is to count on another: what is not here may be there. */
export const FILES_ELSEWHERE: FileLook = { problemOf: fileProblem, pairProblemOf: pairProblem, severity: "warning" };

/** What is wrong with the files that flags name for checks, a line each. */
export function probeFileProblems(probe: ProbeOptions): string[] {
  const tls = "tls" in probe ? probe.tls : undefined;
  const named = [
    ["--health-token-file", "tokenFile" in probe ? probe.tokenFile : undefined, "token"],
    ["--health-ca-file", tls?.caFile, "certificate"],
    ["--health-cert-file", tls?.certFile, "certificate"],
    ["--health-key-file", tls?.keyFile, "key"],
    ["--kubeconfig", probe.type === "kube-apiserver" ? probe.kubeconfig : undefined, "kubeconfig"],
  ] as const;
  const problems = named.flatMap(([flag, path, kind]) => {
    const isOneFile = flag === "--health-key-file" && path === tls?.certFile;
    const problem = path === undefined || isOneFile ? undefined : fileProblem(path, kind);
    return problem === undefined ? [] : [`${flag}: ${path}: ${problem}`];
  });
  if (problems.length > 0 || tls?.certFile === undefined) return problems;
  const { certFile, keyFile = certFile } = tls;
  const pair = pairProblem(certFile, keyFile);
  if (pair === undefined) return [];
  const isKeyFile = pair.of === "key" && keyFile !== certFile;
  return [`${isKeyFile ? `--health-key-file: ${keyFile}` : `--health-cert-file: ${certFile}`}: ${pair.problem}`];
}

/** Why the system did not let a file be read. Throws what is no refusal of the system. */
export function readingProblem(failure: unknown): string {
  const errno = errnoOf(failure);
  if (errno === undefined) throw failure;
  return TOLD.get(errno) ?? `cannot be read (${errno})`;
}

// --- internal ---

function problemIn(read: object): string | undefined {
  return "problem" in read && typeof read.problem === "string" ? read.problem : undefined;
}

/** Of it, in this context or the current one, and of the files that it names. */
function kubeconfigProblem(path: string, context: string | undefined): string | undefined {
  const read = readKubeconfig(readFileSync(path, "utf8"), dirname(path), context);
  if ("problem" in read) return read.problem;
  const { authority, certificate, key, token } = read;
  for (const stored of [authority, certificate, key, token]) {
    const problem = stored !== undefined && "file" in stored ? fileProblem(stored.file) : undefined;
    if (problem !== undefined && stored !== undefined && "file" in stored) return `${stored.file}: ${problem}`;
  }
  if (authority !== undefined && !holdsPem(textOf(authority), "certificate"))
    return placed(authority, "certificate-authority-data", "it holds no certificate");
  if (token !== undefined && !isBearerToken(textOf(token).trim())) return placed(token, "token", "it holds no token");
  if (certificate === undefined || key === undefined) return undefined;
  const pair = keyPairProblem({ cert: textOf(certificate), key: textOf(key) });
  if (pair === undefined) return undefined;
  return pair.of === "cert"
    ? placed(certificate, "client-certificate-data", pair.problem)
    : placed(key, "client-key-data", pair.problem);
}

function textOf(stored: Stored): string {
  return "text" in stored ? stored.text : readFileSync(stored.file, "utf8");
}

function placed(stored: Stored, name: string, problem: string): string {
  return `${"file" in stored ? stored.file : `its ${name}`}: ${problem}`;
}

const TOLD: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file"],
  ["ENOTDIR", "no such file"],
  ["EACCES", "it may not be read or run (EACCES)"],
  ["EPERM", "it may not be read (EPERM)"],
  ["ELOOP", "its links go round"],
]);
