import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { requireTestKernel } from "./harness/require-test-kernel.ts";
import { careFlags, SERVERS, tableWith, VS } from "./support/care-flags.ts";
import { startHost, type Host } from "./support/host.ts";
import { waitForTable } from "./support/ipvs-table.ts";
import { lvscareBinary, runLvscare, startCare } from "./support/lvscare.ts";

requireTestKernel();
setDefaultTimeout(120_000);

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
beforeEach(() => host.namespace.run(["ipvsadm", "-C"]));
afterAll(() => host[Symbol.asyncDispose]());

test("tells its version, and for which machine it was built", async () => {
  const { exitCode, stdout } = await runLvscare(host.namespace, ["version"]);
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  expect([exitCode, JSON.parse(stdout)]).toEqual([
    0,
    expect.objectContaining({ platform: `linux/${architecture}`, bunVersion: Bun.version }),
  ]);
});

test("is made of the libraries as they are for use, not for development", async () => {
  const program = Buffer.from(await Bun.file(lvscareBinary()).arrayBuffer());
  expect(program.includes("has already reached its final state")).toBe(false);
});

test("says at DEBUG that it goes through libnl", async () => {
  await using care = startCare(host.namespace, careFlags());
  expect(await care.waitForLog(/data plane ipvs through/)).toBe("DEBUG data plane ipvs through libnl");
});

test("works on a host without libnl, says what to install, and takes no libnl from the folder it is started in", async () => {
  const { namespace } = host;
  const [library = ""] = (await namespace.exec("sh", "-c", "ls /usr/lib/*/libnl-3.so.200")).split("\n");
  const folder = await mkdtemp("/tmp/planted-");
  await namespace.exec(
    "sh",
    "-c",
    `cp -L ${dirname(library)}/libnl-3.so.200 ${dirname(library)}/libnl-genl-3.so.200 ${folder}`,
  );
  // In a mount namespace of its own the library is an empty file.
  const hidden = `mount --bind /dev/null ${library} && cd ${folder} && exec "$@"`;
  const child = namespace.spawn([
    "unshare",
    "--mount",
    "sh",
    "-c",
    hidden,
    "sh",
    lvscareBinary(),
    "care",
    ...careFlags(),
  ]);
  await waitForTable(namespace, tableWith());
  const status = await runLvscare(namespace, ["status"]);
  expect(status.stdout).toContain("data plane  ipvs (netlink socket)");
  child.kill("SIGTERM");
  expect([await child.exited, await new Response(child.stderr).text()]).toEqual([
    0,
    expect.stringMatching(/DEBUG data plane ipvs through netlink socket, as libnl-3\.so\.200 .*install libnl-3-200/),
  ]);
});

test("obeys neither a bunfig.toml nor an .env file of the folder it is started in", async () => {
  const { namespace } = host;
  const folder = await mkdtemp("/tmp/planted-");
  await Bun.write(join(folder, "bunfig.toml"), 'preload = ["./planted.ts"]\n');
  await Bun.write(join(folder, "planted.ts"), 'await Bun.write("executed", "");\n');
  await Bun.write(join(folder, ".env"), "LVSCARE_SCHEDULER=wlc\n");
  const started = `cd ${folder} && exec "$@"`;
  const care = await namespace.run(["sh", "-c", started, "sh", lvscareBinary(), "care", ...careFlags(), "--run-once"]);
  expect(care.exitCode, care.stderr).toBe(0);
  expect(await Bun.file(join(folder, "executed")).exists()).toBe(false);
  await waitForTable(namespace, tableWith());
});

test("talks to real servers and to its daemon itself, whatever proxy the environment names", async () => {
  const proxies = {
    HTTP_PROXY: "http://127.0.0.1:9",
    http_proxy: "http://127.0.0.1:9",
    ALL_PROXY: "http://127.0.0.1:9",
  };
  await using care = startCare(host.namespace, careFlags(), proxies);
  await waitForTable(host.namespace, tableWith());
  await care.waitForLog(/DEBUG probe of .* passed in .*: status 200/);
  const status = await runLvscare(host.namespace, ["status", "--vs", VS], proxies);
  expect([status.exitCode, status.stdout]).toEqual([0, expect.stringContaining("status 200")]);
});

test("leaves what its output is appended to, and ends when its reader has gone", async () => {
  const { namespace } = host;
  await using care = startCare(namespace, careFlags());
  await waitForTable(namespace, tableWith());
  const [server] = SERVERS;
  const file = join(await mkdtemp("/tmp/appended-"), "log");
  const appended = `echo before >${file}; for line; do ${lvscareBinary()} $line >>${file} 2>&1 || exit 1; done`;
  const lines = [`drain ${server}`, "man", "status", "events", `undrain ${server}`, "help", "version"];
  expect(await namespace.run(["sh", "-c", appended, "sh", ...lines])).toMatchObject({ exitCode: 0 });
  const text = await Bun.file(file).text();
  expect(text).toMatch(new RegExp(`^before\n.*${server}`));
  expect(text).not.toContain("\0");
  for (const line of ["status --watch -o json", "events --follow"])
    expect(await namespace.run(["sh", "-c", `${lvscareBinary()} ${line} | head -n 1`])).toMatchObject({ exitCode: 0 });
  const full = await namespace.run(["sh", "-c", `${lvscareBinary()} status >/dev/full`]);
  expect(full).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("write to stdout: ENOSPC") });
  expect(await care.stop()).toBe(0);
});
