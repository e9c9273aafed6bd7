import { describe, expect, test } from "bun:test";
import { waitFor } from "../kernel/support/wait-for.ts";
import { answering, rawServer } from "../probe/http/support/raw-server.ts";
import { ALIVE, CareProgram } from "./care-program.ts";
import { LVSCARE, runProgram } from "./run-program.ts";

/**
 * How the Go program ends and what it prints, row by row, at the real entry; its help and `version` are in main.test.ts, a second
 * signal in stop-signal.test.ts, what stays in the kernel in test/kernel. What we do otherwise says so in its name.
 */

describe("as the Go program does", () => {
  test.concurrent.each(["SIGTERM", "SIGINT"] as const)("ends with 0 at %s", async (signal) => {
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint);
    await care.firstVerdict();
    expect(await care.stop(signal)).toBe(0);
  });

  test.concurrent("ends with 1 at an error, without the usage text", async () => {
    expect(await runProgram(["care", "--vs", "192.0.2.1:80"])).toMatchObject({
      code: 1,
      stderr: expect.not.stringContaining("Usage"),
    });
  });

  test.concurrent("logs the local time, the level and the message", async () => {
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint, { environment: { TZ: "Asia/Kathmandu" } });
    const line = await care.waitForLog(/ INFO caring for tcp /);
    // 5:45 ahead of UTC the whole year, so that no other clock's time passes for this one's.
    const time = new Date(`${line.slice(0, 19)}+05:45`).getTime();
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d INFO caring for tcp \S+ \(rr\) /);
    expect(Math.abs(Date.now() - time)).toBeLessThan(60_000);
  });
});

describe("differs from the Go program, which", () => {
  test.concurrent("waits for running checks before it ends", async () => {
    using server = rawServer(() => undefined);
    await using care = new CareProgram(server.endpoint, { flags: ["--health-timeout=1h"] });
    await waitFor(
      () => server.requests.length,
      (asked) => asked > 0,
    );
    expect(await care.stop("SIGTERM")).toBe(0);
  });

  test.concurrent("logs on stdout", async () => {
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint, { flags: ["--logger=DEBG"] });
    await care.waitForLog(/ DEBUG probe of /);
    await care.stop("SIGTERM");
    expect(await care.child.stdout.text()).toBe("");
  });

  test.concurrent("tells state changes at DEBG only", async () => {
    using server = answering(ALIVE);
    await using care = new CareProgram(server.endpoint);
    expect(await care.waitForLog(/→/)).toMatch(/ INFO real server 127\.0\.0\.1:\d+ recovering → healthy: status 200$/);
  });

  test.concurrent("prints an error twice, on stderr and on stdout", async () => {
    const { stdout, stderr } = await runProgram(["care", "--vs", "192.0.2.1:80"]);
    expect({ stdout, stderr }).toEqual({ stdout: "", stderr: 'lvscare: required flag(s) "rs" not set\n' });
  });

  test.concurrent("colours always", async () => {
    const plain = 'lvscare: required flag(s) "rs" not set\r\n';
    const coloured = plain.replace("lvscare:", "\u001B[31mlvscare:\u001B[0m");
    const argv = ["care", "--vs", "192.0.2.1:80"];
    expect(await onTerminal(argv, {})).toBe(coloured);
    expect(await onTerminal(argv, { NO_COLOR: "1" })).toBe(plain);
    expect(await onTerminal(argv, { NO_COLOR: "" })).toBe(coloured);
    expect((await runProgram(argv, { FORCE_COLOR: "1", CLICOLOR_FORCE: "1" })).stderr).toBe(plain.replace("\r", ""));
  });
});

// --- internal ---

/** What the program shows on a terminal. */
async function onTerminal(argv: readonly string[], environment: Record<string, string>): Promise<string> {
  const decoder = new TextDecoder();
  let shown = "";
  await using terminal = new Bun.Terminal({
    data: (_, bytes) => void (shown += decoder.decode(bytes, { stream: true })),
  });
  const child = Bun.spawn([...LVSCARE, ...argv], { env: { TERM: "xterm", ...environment }, terminal });
  await child.exited;
  await waitFor(
    () => shown,
    (text) => text.endsWith("\n"),
  );
  return shown;
}
