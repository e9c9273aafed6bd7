import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { runCommand } from "../kernel/harness/run-command.ts";
import { refusal, runProgram } from "./run-program.ts";

const FLAGS = ["--vs", "10.103.97.12:6443", "--rs", "192.168.0.2:6443,192.168.0.3:6443"];

let folder: string;
beforeAll(async () => {
  await installMissingPackages([{ name: "systemd", file: "/usr/bin/systemd-analyze" }]);
  folder = await mkdtemp(join(tmpdir(), "lvscare-unit-"));
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test("is a unit that systemd takes, and finds well shut in", async () => {
  const unit = join(folder, "lvscare.service");
  const { code, stdout } = await runProgram(["systemd", ...FLAGS, "--mode", "link", "--binary", "/bin/true"]);
  expect(code).toBe(0);
  await Bun.write(unit, stdout.replace(/^Documentation=.*\n/m, ""));
  await runCommand(["systemd-analyze", "verify", unit], { timeoutMs: 60_000 });
  // Fails above the threshold, in tenths: 0 is nothing, 100 is a service without any restriction.
  await runCommand(["systemd-analyze", "security", "--offline=true", "--threshold=35", unit], { timeoutMs: 60_000 });
});

test("lets the runtime sleep, which it learns from its environment alone", async () => {
  const { stdout } = await runProgram(["systemd", "--config", "/etc/lvscare/care.yaml"]);
  // Whatever it ends by, it is started again: also when a file comes late.
  expect(stdout).toMatch(/^\[Unit\]$[^[]*^StartLimitIntervalSec=0$/m);
  expect(stdout).toContain("\nEnvironment=MIMALLOC_PURGE_DELAY=-1 BUN_GC_TIMER_INTERVAL=10000\n");
});

test("hands the flags on, as words that systemd leaves as they are", async () => {
  const headers = ["--health-req-headers", 'X=50% of $HOME "now"', "--log-format", "json"];
  const { stdout } = await runProgram(["systemd", ...FLAGS, ...headers]);
  expect(stdout).toContain(
    'ExecStart=/usr/local/bin/lvscare care --vs 10.103.97.12:6443 --rs 192.168.0.2:6443,192.168.0.3:6443 --health-req-headers "X=50%% of $$HOME \\"now\\"" --log-format json\n',
  );
});

test("takes any text for a word, line ends and all", async () => {
  const unit = join(folder, "text.service");
  const { stdout } = await runProgram([
    "systemd",
    ...FLAGS,
    "--binary",
    "/bin/true",
    "--health-req-body",
    "a\r\nb\t\u0085;",
  ]);
  expect(stdout).toContain('--health-req-body "a\\x0d\\x0ab\\x09\\xc2\\x85;"\n');
  await Bun.write(unit, stdout.replace(/^Documentation=.*\n/m, ""));
  await runCommand(["systemd-analyze", "verify", unit], { timeoutMs: 60_000 });
});

test("of a configuration file it is a unit that can be reloaded, also by systemd before 253", async () => {
  const unit = join(folder, "file.service");
  const argv = ["systemd", "--config", "/etc/lvscare/care.yaml", "--http-listen", "9105", "--binary", "/bin/true"];
  const { code, stdout } = await runProgram(argv);
  expect(code).toBe(0);
  expect(stdout).toContain("Description=LVScare: keeps the virtual servers of /etc/lvscare/care.yaml honest\n");
  expect(stdout).toContain("ExecStart=/bin/true care --config /etc/lvscare/care.yaml --http-listen 9105\n");
  // The last one that is known counts.
  expect(stdout.match(/^Type=.*$/gm)).toEqual(["Type=notify", "Type=notify-reload"]);
  const { stdout: plain } = await runProgram(["systemd", ...FLAGS, "--binary", "/bin/true"]);
  const rest = (text: string): string =>
    text.replaceAll(/^(?:Description|ExecStart|Type=notify-reload|# Before|Environment|# Less).*\n/gm, "");
  expect(rest(stdout)).toBe(rest(plain));
  await Bun.write(unit, stdout.replace(/^Documentation=.*\n/m, ""));
  await runCommand(["systemd-analyze", "verify", unit], { timeoutMs: 60_000 });
});

test.each([
  [["--config", "care.yaml"], '--config: "care.yaml" is no absolute path'],
  [
    ["--config", "/home/me/care.yaml"],
    '--config: the service sees nothing of /home; put "/home/me/care.yaml" elsewhere, such as /etc/lvscare/care.yaml',
  ],
  [
    ["--config", "/etc/care.yaml", "--fall", "3"],
    "--fall: it belongs to a virtual server, and so into the file that --config names",
  ],
])("refuses %p", async (flags, problem) => {
  expect(await refusal(["systemd", ...flags])).toEqual([problem]);
});

test("refuses what the daemon would refuse", async () => {
  expect(await refusal(["systemd", "--vs", "10.103.97.12:6443"])).toEqual(['required flag(s) "rs" not set']);
  expect(await refusal(["systemd", ...FLAGS, "--run-once"])).toEqual([expect.stringContaining("--run-once")]);
  expect(await refusal(["systemd", ...FLAGS, "--binary", "lvscare"])).toEqual([expect.stringContaining("--binary:")]);
});
