import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LVSCARE, runProgram } from "../cli/run-program.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { FileDaemon } from "./support/file-daemon.ts";

setDefaultTimeout(120_000);
beforeAll(() => installMissingPackages([{ name: "socat", file: "/usr/bin/socat" }]), 300_000);

test("systemd hears when the daemon is ready, that it lives, and that it stops", async () => {
  await using systemd = await NotifySocket.open();
  const flags = "--vs 127.77.0.8:18080 --rs 127.0.0.1:1 --data-plane userspace --mode none";
  const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], {
    env: { ...process.env, ...systemd.environment, WATCHDOG_USEC: "200000" },
    stdout: "ignore",
    stderr: "ignore",
  });
  try {
    // Signs of life come as time passes, before the others, between them and after them.
    const beats = (): readonly string[] => systemd.heard.filter(isBeat);
    const others = (): readonly string[] => systemd.heard.filter((sign) => !isBeat(sign));
    await waitForEqual(others, ["READY=1"]);
    // What is ordered after the unit may ask for it at once.
    expect(await runProgram(["status", "--vs", "127.77.0.8:18080"])).toMatchObject({ code: 0 });
    const before = beats().length;
    await waitFor(
      () => beats().length,
      (count) => count >= before + 2,
    );
    care.kill("SIGTERM");
    expect(await care.exited).toBe(0);
    await waitForEqual(others, ["READY=1", "STOPPING=1"]);
  } finally {
    care.kill("SIGKILL");
  }
});

test("systemd hears of a daemon with a file once all is cared for, and when each reload begins and ends", async () => {
  await using systemd = await NotifySocket.open();
  const write = (...addresses: readonly string[]): Promise<number> =>
    Bun.write(file, JSON.stringify({ version: 1, "virtual-servers": addresses.map(virtualServer) }));
  const file = join(systemd.folder, "care.yaml");
  const [first, second, third] = ["127.78.0.1:18130", "127.78.0.2:18130", "127.78.0.3:18130"];
  await write(first, second);
  await using daemon = new FileDaemon(file, systemd.environment);
  await waitForEqual(() => systemd.heard, ["READY=1"]);
  await daemon.logged(/new virtual server/, 2);
  expect(daemon.log.filter((line) => line.includes("new virtual server"))).toHaveLength(2);
  // The change of the file may have been noticed before it was asked for: each reading begins and ends.
  const reloads = async (atLeast: number): Promise<number> => {
    await waitFor(
      () => systemd.heard,
      ({ length }) => length >= 1 + 3 * atLeast && length % 3 === 1,
    );
    const times = (systemd.heard.length - 1) / 3;
    const reload = ["RELOADING=1", expect.stringMatching(/^MONOTONIC_USEC=[1-9]\d*$/), "READY=1"];
    expect(systemd.heard).toEqual(["READY=1", ...Array.from({ length: times }, () => reload).flat()]);
    return times;
  };

  // What is new is cared for before that is the end of it.
  await write(second, third);
  expect(await daemon.reload()).toMatchObject({ code: 0 });
  await daemon.logged(/127\.78\.0\.1:18130: gone/);
  const taken = await reloads(1);
  await Bun.write(file, "");
  expect(await daemon.reload()).toMatchObject({ code: 1 });
  const refused = await reloads(taken + 1);
  daemon.signal("SIGHUP");
  await reloads(refused + 1);
  expect(await daemon.stop()).toBe(0);
  await waitForEqual(() => systemd.heard.at(-1), "STOPPING=1");
});

// --- internal ---

/** What systemd opens for a service; Bun has no unix datagram sockets. */
class NotifySocket implements AsyncDisposable {
  readonly folder: string;
  /** What was sent, a line each. */
  readonly heard: string[] = [];
  readonly #listener: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly #listening: Promise<void>;

  static async open(): Promise<NotifySocket> {
    const socket = new NotifySocket(await mkdtemp(join(tmpdir(), "lvscare-notify-")));
    const isThere = (): Promise<boolean> =>
      stat(socket.environment.NOTIFY_SOCKET).then(
        (file) => file.isSocket(),
        () => false,
      );
    await waitForEqual(isThere, true);
    return socket;
  }

  private constructor(folder: string) {
    this.folder = folder;
    const argv = ["socat", "-u", `UNIX-RECV:${this.environment.NOTIFY_SOCKET}`, "-"];
    this.#listener = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe" });
    this.#listening = this.#listen();
  }

  get environment(): { readonly XDG_RUNTIME_DIR: string; readonly NOTIFY_SOCKET: string } {
    return { XDG_RUNTIME_DIR: this.folder, NOTIFY_SOCKET: join(this.folder, "notify") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.kill();
    await this.#listening;
    await rm(this.folder, { recursive: true });
  }

  /** Messages follow each other without a sign between them. */
  async #listen(): Promise<void> {
    for await (const chunk of this.#listener.stdout)
      this.heard.push(...(new TextDecoder().decode(chunk).match(/[A-Z_]+=\d+/g) ?? []));
  }
}

function isBeat(sign: string): boolean {
  return sign === "WATCHDOG=1";
}

function virtualServer(address: string): unknown {
  return {
    address,
    "data-plane": "userspace",
    mode: "none",
    interval: "1s",
    probe: { type: "http" },
    "real-servers": ["127.0.0.1:1"],
  };
}
