import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../kernel/support/wait-for.ts";
import { LVSCARE } from "./run-program.ts";

const VS = "127.77.0.13:18080";

test("in a pipe, --watch appends a line for each change, until Ctrl-C", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-watch-"));
  const env = { PATH: process.env["PATH"] ?? "", XDG_RUNTIME_DIR: folder };
  let status = 200;
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status }) });
  const run = (...argv: readonly string[]) =>
    Bun.spawn([...LVSCARE, ...argv], { env, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const flags = `--vs ${VS} --rs 127.0.0.1:${server.port} --data-plane userspace --health-schem http --interval 50ms --last-resort=false`;
  const care = run("care", ...flags.split(" "));
  const watching = run("status", "--vs", VS, "--watch");
  let text = "";
  const reading = (async () => {
    for await (const chunk of watching.stdout) text += new TextDecoder().decode(chunk);
  })();
  try {
    await waitFor(
      () => text,
      (now) => /healthy {2}weight 1\n/.test(now),
    );
    status = 503;
    await waitFor(
      () => text,
      (now) => /removed {2}not in the table\n/.test(now),
    );
    watching.kill("SIGINT");
    expect(await watching.exited).toBe(0);
    await reading;
    expect(text.split("\n").filter((line) => line.includes("healthy"))).toHaveLength(1);
    expect(text).not.toContain("\u001B");
  } finally {
    care.kill();
    await care.exited;
    await server.stop(true);
    await rm(folder, { recursive: true });
  }
});

test("on a terminal, --watch draws no more than fits, and fits what the terminal becomes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-watch-"));
  const env = { PATH: process.env["PATH"] ?? "", XDG_RUNTIME_DIR: folder, TERM: "xterm" };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const address = "127.77.0.13:18083";
  const flags = `--vs ${address} --rs 127.0.0.1:${server.port} --data-plane userspace --health-schem http --interval 50ms`;
  const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], { env, stdin: "ignore", stderr: "ignore" });
  let text = "";
  const watching = Bun.spawn([...LVSCARE, "status", "--vs", address, "--watch"], {
    env,
    terminal: { cols: 60, rows: 5, data: (_, chunk) => void (text += new TextDecoder().decode(chunk)) },
  });
  try {
    const frames = (): string[][] =>
      text
        .split("\u001B[H\u001B[J")
        .slice(1, -1)
        .map((frame) => frame.split("\r\n"));
    const small = (await waitFor(frames, (all) => all.at(-1)?.[0]?.includes(`tcp ${address}`) === true)).at(-1);
    expect(small).toHaveLength(5);
    expect(small?.slice(-2)).toEqual([expect.stringMatching(/^… \d+ more lines/), ""]);
    watching.terminal?.resize(60, 30);
    const large = await waitFor(frames, (all) => (all.at(-1)?.length ?? 0) > 8);
    expect(large.at(-1)?.join("\n")).toContain("127.0.0.1:");
    expect(large.at(-1)?.join("\n")).not.toContain("more lines");
  } finally {
    watching.kill("SIGINT");
    await watching.exited;
    care.kill();
    await care.exited;
    await server.stop(true);
    await rm(folder, { recursive: true });
  }
});
