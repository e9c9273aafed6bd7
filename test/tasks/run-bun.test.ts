import { expect, test } from "bun:test";
import { runBun } from "../../tasks/test/run-bun.ts";

test("what a program leaves behind with its output keeps nobody waiting, and what it said itself is heard", async () => {
  const script = `
    const left = Bun.spawn(["sleep", "600"], { stdout: "inherit", stderr: "inherit" });
    console.log(String(left.pid));
    left.unref();
    process.exitCode = 3;`;
  let said = "";
  const write = (chunk: Uint8Array | string): void =>
    void (said += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk));
  const { exitCode } = await runBun(["-e", script], 60_000, write, {}, 500);
  const [pid = "", ...told] = said.trim().split("\n");
  process.kill(Number(pid), "SIGKILL");
  expect([exitCode, told]).toEqual([3, ["bun -e has left something behind that holds its output open"]]);
});

test("all that a program says is passed on, and how it ended", async () => {
  let length = 0;
  const write = (chunk: Uint8Array | string): void => void (length += chunk.length);
  const { exitCode } = await runBun(["-e", `process.stdout.write("x".repeat(1e6))`], 60_000, write);
  expect([exitCode, length]).toEqual([0, 1e6]);
});
