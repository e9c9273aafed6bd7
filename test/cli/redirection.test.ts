import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { answering } from "../probe/http/support/raw-server.ts";
import { ALIVE, CareProgram } from "./care-program.ts";
import { OLD, runRedirected, type Streams, type Target } from "./redirected.ts";
import { LVSCARE, runProgram, type ProgramResult } from "./run-program.ts";

setDefaultTimeout(120_000);

/** A line of each command that does what the command is for; `{rs}` and `{vs}` are those of a daemon that runs, `{nobody}` is nobody's. A command that has none fails the test. */
const OWN_LINES: ReadonlyMap<string, string> = new Map([
  ["care", "care --vs {nobody} -C"],
  ["ipvs", "ipvs --vs {nobody} -C"],
  ["check-config", `check-config ${join(import.meta.dir, "../../examples/care.yaml")}`],
  ["config", "config --schema"],
  ["reload", "reload --config /nobody.yaml"],
  ["status", "status --vs {vs} -o json"],
  ["members", "members --vs {vs}"],
  ["events", "events --vs {vs}"],
  ["check", "check {rs} --vs {vs}"],
  ["drain", "drain {rs} --vs {vs} --wait 1m"],
  ["undrain", "undrain {rs} --vs {vs}"],
  ["weight", "weight {rs} configured --vs {vs}"],
  ["doctor", "doctor --vs {nobody}"],
  ["static-pod", "static-pod --masters 192.0.2.1:6443 --print"],
  ["daemonset", "daemonset --vs 192.0.2.1:6443 --rs 192.0.2.2:6443"],
  ["kustomize", "kustomize {base} --vs 192.0.2.1:6443 --rs 192.0.2.2:6443"],
  ["rbac", "rbac"],
  ["sysctls", "sysctls"],
  ["systemd", "systemd --vs 192.0.2.1:6443 --rs 192.0.2.2:6443"],
  ["simulate", `simulate ${join(import.meta.dir, "../../examples/one-master-reboots.yaml")}`],
  ["machine", "machine"],
  ["completion", "completion bash"],
  ["man", "man"],
  ["licences", "licences"],
  ["version", "version"],
]);

const EVERYWHERE: readonly Target[] = ["file", "appended", "pipe", "full", "closed"];

let folder: string;
let environment: Record<string, string>;
let server: ReturnType<typeof answering>;
let care: CareProgram;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lvscare-redirected-"));
  environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  server = answering(ALIVE);
  care = new CareProgram(server.endpoint, { environment });
  await care.status();
  await care.firstVerdict();
});

afterAll(async () => {
  await care[Symbol.asyncDispose]();
  server[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

describe.each([...COMMANDS.map(({ name }) => name), ""])("lvscare %s", (name) => {
  test("leaves what its help is redirected to as it should be", async () => {
    await checkEverywhere([...(name === "" ? [] : [name]), "--help"], ["stdout"], ["appended", "full"]);
  });

  test("leaves what a refusal is redirected to as it should be", async () => {
    await checkEverywhere(name === "" ? ["--nonsense"] : [name, "--nonsense"], ["stderr"], ["appended", "full"]);
  });

  if (name === "") return;
  test("leaves what its own output is redirected to as it should be", async () => {
    const line = OWN_LINES.get(name);
    if (line === undefined) throw new Error(`OWN_LINES has no line for ${name}`);
    await checkEverywhere(line.split(" "), ["stdout", "stderr", "both"], EVERYWHERE);
  });
});

// --- internal ---

async function checkEverywhere(
  argv: readonly string[],
  streams: readonly Streams[],
  targets: readonly Target[],
): Promise<void> {
  const plain = await runProgram(filledIn(argv), environment);
  for (const stream of streams) {
    const telling = targets.filter((target) => plain.stderr !== "" || isTelling(stream, target));
    await Promise.all(telling.map((target) => check(argv, stream, target, plain)));
  }
}

/**
 * Whether a program that says nothing on stderr can do anything wrong there that it does not show elsewhere: where both go, a stderr that it
 * opens anew, cuts off or fails on is seen as well as alone.
 */
function isTelling(streams: Streams, target: Target): boolean {
  return streams === "stdout" || (streams === "both" && ["appended", "full", "closed"].includes(target));
}

let runs = 0;

/** Each run has an address of its own for nobody's: those who clean up the same one at the same time tell of each other. */
function filledIn(argv: readonly string[]): string[] {
  const { port } = server.endpoint;
  const places = new Map([
    ["{vs}", care.address],
    ["{base}", join(folder, "base")],
    ["{rs}", `127.0.0.1:${port}`],
    ["{nobody}", `127.77.1.${++runs % 256}:${port}`],
  ]);
  return argv.map((word) => places.get(word) ?? word);
}

async function check(argv: readonly string[], streams: Streams, target: Target, plain: ProgramResult): Promise<void> {
  const program = [...LVSCARE, ...filledIn(argv)];
  const { code, text, other } = await runRedirected(program, streams, target, { folder, environment });
  const expected = streams === "both" ? plain.stdout + plain.stderr : plain[streams];
  const rest = streams === "stdout" ? plain.stderr : streams === "stderr" ? plain.stdout : "";
  // What cannot be said on stderr has nowhere else to be said: there, the code is the command's own.
  const isRefused = target === "full" && streams !== "stderr" && plain.stdout !== "";
  const complaint =
    "lvscare: write to stdout: ENOSPC: no space left on device, write (make room where it is redirected to)\n";
  const kept = { file: "", appended: OLD, pipe: "", full: undefined, closed: undefined }[target];
  expect({ argv, streams, target, code, text: shape(text), other: shape(other) }).toEqual({
    argv,
    streams,
    target,
    code: isRefused && plain.code === 0 ? 1 : plain.code,
    text: kept === undefined ? "" : shape(kept + expected),
    other: isRefused && streams === "stdout" ? complaint : shape(rest),
  });
}

/**
 * What stays the same from one run to the next: times do not, nor how much room they take in a table, nor what doctor finds on a host that
 * does other things meanwhile.
 */
function shape(text: string): string {
  const findings = /^(ok|note|problem|unknown| |\d+ problem).*\n/gm;
  return (text.includes("examined: ") ? text.replaceAll(findings, "") : text)
    .replaceAll(/\d+(\.\d+)?(ms|µs|s\b)?/g, "0")
    .replaceAll(/ +/g, " ");
}
