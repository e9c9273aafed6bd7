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
  const flags = `--vs ${VS} --rs 127.0.0.1:${server.port} --data-plane userspace --health-schem http --health-timeout 1m --interval 50ms --last-resort=false`;
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
    // Without the times, none is the one before it: of what stays as it is nothing is said.
    const said = text
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^\S+ +/, ""));
    expect(said.filter((line, at) => line === said[at - 1])).toEqual([]);
    expect(text).not.toContain("\u001B");
  } finally {
    care.kill();
    await care.exited;
    await server.stop(true);
    await rm(folder, { recursive: true });
  }
});

test("on a terminal, --watch keeps one screen of its size, heeds keys, and leaves the terminal as it was", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-watch-"));
  const env = { PATH: process.env["PATH"] ?? "", XDG_RUNTIME_DIR: folder, TERM: "xterm" };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const address = "127.77.0.13:18083";
  const flags = `--vs ${address} --rs 127.0.0.1:${server.port} --data-plane userspace --health-schem http --health-timeout 1m --interval 50ms`;
  const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], { env, stdin: "ignore", stderr: "ignore" });
  const screen = new Screen();
  const watching = Bun.spawn([...LVSCARE, "status", "--vs", address, "--watch", "--exit-code"], {
    env,
    terminal: { cols: 60, rows: 5, data: (_, chunk) => screen.take(new TextDecoder().decode(chunk)) },
  });
  const shows = (what: RegExp): Promise<string> =>
    waitFor(
      () => screen.text,
      (text) => what.test(text),
    );
  try {
    await shows(new RegExp(`^tcp ${address} +serving · 1 of 1 in service`));
    await shows(/\n1-4 of \d+ · .*scroll/);
    watching.terminal?.write("j");
    await shows(/^ {2}scheduler +rr\n[^]*\n2-5 of/);
    watching.terminal?.resize(80, 24);
    watching.terminal?.write("/nowhere\r");
    await shows(/^nothing has nowhere\n/);
    watching.terminal?.write("\u001B");
    await shows(new RegExp(`^tcp ${address} [^]*127\\.0\\.0\\.1:`));
    watching.terminal?.write("q");
    expect(await watching.exited).toBe(0);
    expect(screen.written).toStartWith("\u001B[?1049h\u001B[?25l");
    // A terminal may still hold what a program wrote that has ended.
    await waitFor(
      () => screen.written,
      (written) => written.endsWith("\u001B[?25h\u001B[?1049l"),
    );
  } finally {
    watching.kill();
    await watching.exited;
    care.kill();
    await care.exited;
    await server.stop(true);
    await rm(folder, { recursive: true });
  }
});

// --- internal ---

const DRAWN = new RegExp(String.raw`(\u001B\[2J)|\u001B\[(\d+);1H([^]*?)\u001B\[K`, "g");

/** As much of a terminal as it takes to read what is drawn line by line. */
class Screen {
  written = "";

  take(chunk: string): void {
    this.written += chunk;
  }

  /** What stands on it. */
  get text(): string {
    const lines: string[] = [];
    for (const [, clear, row = "", text = ""] of this.written.matchAll(DRAWN)) {
      if (clear !== undefined) lines.length = 0;
      else lines[Number(row) - 1] = Bun.stripANSI(text);
    }
    return lines.join("\n");
  }
}
