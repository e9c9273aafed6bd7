import { beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LVSCARE } from "../cli/run-program.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { waitForEqual } from "../kernel/support/wait-for.ts";

beforeAll(() => installMissingPackages([{ name: "socat", file: "/usr/bin/socat" }]), 300_000);

test("systemd hears when the daemon is ready, that it lives, and that it stops", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-notify-"));
  const socket = join(folder, "notify");
  // Bun has no unix datagram sockets.
  const listener = Bun.spawn(["socat", "-u", `UNIX-RECV:${socket}`, "-"], { stdin: "ignore", stdout: "pipe" });
  const heard: string[] = [];
  const listening = (async () => {
    for await (const chunk of listener.stdout)
      heard.push(...(new TextDecoder().decode(chunk).match(/[A-Z]+=1/g) ?? []));
  })();
  await waitForEqual(
    () =>
      stat(socket).then(
        (file) => file.isSocket(),
        () => false,
      ),
    true,
  );
  const flags = "--vs 127.77.0.8:18080 --rs 127.0.0.1:1 --data-plane userspace --mode none";
  const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], {
    env: { ...process.env, XDG_RUNTIME_DIR: folder, NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" },
    stdout: "ignore",
    stderr: "ignore",
  });
  try {
    await waitForEqual(() => Promise.resolve(heard.slice(0, 3).toSorted()), ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    care.kill("SIGTERM");
    expect(await care.exited).toBe(0);
    await waitForEqual(() => Promise.resolve(heard.at(-1)), "STOPPING=1");
  } finally {
    care.kill("SIGKILL");
    listener.kill();
    await listening;
    await rm(folder, { recursive: true });
  }
});
