import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examineConfig, loadConfig, loadConfigFor } from "../../src/app/config-file.ts";
import { ConfigError } from "../../src/config/file/config-error.ts";
import { locateAside } from "../../src/app/locate-aside.ts";
import { factsOf } from "../../src/app/file-watch.ts";
import { formatProblem } from "../../src/config/file/finding.ts";
import { certificateAuthority } from "../probe/http/support/certificates.ts";

const REST = "probe: {type: http}, real-servers: [10.0.0.2:80]";

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), "lvscare-config-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, text: string): Promise<string> {
  await Bun.write(join(folder, name), text);
  return join(folder, name);
}

async function linesOf(path: string): Promise<string[]> {
  const { problems } = await examineConfig(path);
  return problems.map(formatProblem).map((line) => line.replaceAll(folder, "…"));
}

test("the example is good, and so is the one in the docs", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/configuration.md")).text();
  const [, shown = ""] = /```yaml\n(version: 1\n[^`]*)```/.exec(page) ?? [];
  const { warnings, config } = await loadConfig(join(import.meta.dir, "../../examples/care.yaml"));
  expect(warnings).toEqual([]);
  expect(config.virtualServers.map(({ name }) => name)).toEqual(["apiserver", "shop", "shop-plain"]);
  expect(await linesOf(await put("shown/page.yaml", shown))).toEqual([]);
});

test("files that checks need are missed before anything is done, where they are named", async () => {
  const ca = join(folder, "needs/ca.pem");
  const probe = `probes: {web: {type: http, tls: {ca-file: ${ca}}}}`;
  const server = "virtual-servers: [{address: 10.0.0.1:80, probe: web, real-servers: [10.0.0.2:80]}]";
  const path = await put("needs/files.yaml", `version: 1\n${probe}\n${server}\n`);
  const call = { path, given: new Map(), ignored: [], nodeAddress: undefined, runOnce: false, clean: false };
  const told = `${path}:2:43: error: probes.web.tls.ca-file: ${ca}: no such file`;
  await expect(loadConfigFor(call)).rejects.toMatchObject({ problems: [told] });
  await put("needs/ca.pem", "-----BEGIN PRIVATE KEY-----\n");
  await expect(loadConfigFor(call)).rejects.toMatchObject({
    problems: [told.replace("no such file", "it holds no certificate")],
  });
  await put("needs/ca.pem", "-----BEGIN CERTIFICATE-----\n");
  expect((await loadConfigFor(call)).config.virtualServers).toHaveLength(1);
});

/** What is wrong with what this probe names, without the place. */
async function problemWith(probe: string): Promise<string | undefined> {
  const server = `virtual-servers: [{address: 10.0.0.1:80, probe: ${probe}, real-servers: [10.0.0.2:80]}]`;
  const path = await put("named/one.yaml", `version: 1\n${server}\n`);
  const call = { path, given: new Map(), ignored: [], nodeAddress: undefined, runOnce: false, clean: false };
  const problems = await loadConfigFor(call).then(
    () => [],
    (error: unknown) => (error instanceof ConfigError ? error.problems : [String(error)]),
  );
  expect(problems.length).toBeLessThan(2);
  return problems[0]?.replaceAll(folder, "…").replace(/^\S+ error: \S+ /, "");
}

test("a program that a check runs has to be one, and as root nobody else's to change", async () => {
  const script = await put("bin/check", "#!/bin/sh\n");
  const probe = `{type: exec, command: [${script}]}`;
  expect(await problemWith(`{type: exec, command: [${script}-none]}`)).toBe("…/bin/check-none: no such file");
  expect(await problemWith(`{type: exec, command: [${folder}/bin]}`)).toBe("…/bin: it is no file");
  await chmod(script, 0o644);
  expect(await problemWith(probe)).toBe("…/bin/check: it may not be read or run (EACCES)");
  await chmod(script, 0o755);
  expect(await problemWith(probe)).toBeUndefined();
  await Bun.write(script, "#!/nowhere/sh\n");
  expect(await problemWith(probe)).toBe("…/bin/check: its interpreter /nowhere/sh does not exist");
  await Bun.write(script, "#!/bin/sh\n");
  expect(await problemWith(`{type: exec, command: [${script}], directory: ${folder}/none}`)).toBe(
    "…/none: no such directory",
  );
  expect(await problemWith(`{type: exec, command: [${script}], directory: ${script}}`)).toBe(
    "…/bin/check: it is no directory",
  );
  const isRoot = process.getuid?.() === 0;
  await chmod(script, 0o775);
  expect(await problemWith(probe)).toBe(isRoot ? "…/bin/check: it is writable by others than root" : undefined);
  await chmod(script, 0o755);
  await chmod(join(folder, "bin"), 0o777);
  expect(await problemWith(probe)).toBe(isRoot ? "…/bin/check: …/bin is writable by others than root" : undefined);
  await chmod(join(folder, "bin"), 0o755);
  expect(await problemWith(`{type: exec, command: [${script}], user: games}`)).toBe(
    isRoot ? undefined : "games: only root can run a program as another user",
  );
  expect(await problemWith(`{type: exec, command: [${script}], user: nobody-there}`)).toBe(
    "nobody-there: no such user in /etc/passwd",
  );
  expect(await problemWith(`{type: exec, command: [${script}], user: ""}`)).toBe('"" is no name of a user');
});

test("what a kubeconfig has, or names, has to be of use", async () => {
  const authority = certificateAuthority();
  const [one, other] = [authority.issue(["one"]), authority.issue(["other"])];
  const data = (text: string): string => Buffer.from(text).toString("base64");
  const problemOf = async (user: string, cluster = data(authority.cert)): Promise<string | undefined> => {
    const path = await put(
      "kube/config",
      `{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],
clusters: [{name: k, cluster: {server: "https://10.0.0.9:6443", certificate-authority-data: ${cluster}}}],
users: [{name: u, user: {${user}}}]}`,
    );
    const told = await problemWith(`{type: kube-apiserver, kubeconfig: ${path}}`);
    return told?.replace("…/kube/config: ", "");
  };
  const certificate = `client-certificate-data: ${data(one.cert)}`;
  expect(await problemOf(`${certificate}, client-key-data: ${data(one.key)}`)).toBeUndefined();
  expect(await problemOf(`${certificate}, client-key-data: ${data(other.key)}`)).toBe(
    "its client-key-data: its key is not that of the certificate",
  );
  const key = await put("kube/own.key", other.key);
  expect(await problemOf(`${certificate}, client-key: own.key`)).toBe(
    `${key.replace(folder, "…")}: its key is not that of the certificate`,
  );
  await put("kube/own.key", "nothing");
  expect(await problemOf(`${certificate}, client-key: own.key`)).toBe("…/kube/own.key: it holds no key");
  expect(await problemOf(`${certificate}, client-key: none.key`)).toBe("…/kube/none.key: no such file");
  expect(await problemOf(`client-certificate-data: ${data("nothing")}, client-key-data: ${data(one.key)}`)).toBe(
    "its client-certificate-data: it holds no certificate",
  );
  expect(await problemOf('token: "two words"')).toBe("its token: it holds no token");
  expect(await problemOf("token: abc", data("nothing"))).toBe(
    "its certificate-authority-data: it holds no certificate",
  );
});

test("a certificate that is shown needs its own key", async () => {
  const authority = certificateAuthority();
  const [one, other] = [authority.issue(["one"]), authority.issue(["other"])];
  const cert = await put("shown/own.crt", one.cert);
  const key = await put("shown/own.key", other.key);
  expect(await problemWith(`{type: tls, cert-file: ${cert}, key-file: ${key}}`)).toBe(
    "…/shown/own.key: its key is not that of the certificate",
  );
  expect(await problemWith(`{type: http, tls: {cert-file: ${cert}}}`)).toBe(
    "…/shown/own.crt: it holds no key, and there is no key-file",
  );
  await put("shown/own.key", one.key);
  expect(await problemWith(`{type: tls, cert-file: ${cert}, key-file: ${key}}`)).toBeUndefined();
  await put("shown/own.crt", one.cert + one.key);
  expect(await problemWith(`{type: http, tls: {cert-file: ${cert}}}`)).toBeUndefined();
});

test("what is sent has to be there: a token, and a header in each line", async () => {
  const of = async (key: string, text: string): Promise<string | undefined> =>
    problemWith(`{type: http, ${key}: ${await put("sent/one", text)}}`);
  expect(await of("bearer-token-file", "")).toBe("…/sent/one: its first line holds no token");
  expect(await of("bearer-token-file", "abc\n")).toBeUndefined();
  expect(await of("basic-auth-file", "alice\n")).toBe("…/sent/one: its first line is not user:password");
  expect(await of("basic-auth-file", "alice:a\tb\n")).toBe("…/sent/one: its first line has control characters");
  expect(await of("basic-auth-file", "alice:a:b\n")).toBeUndefined();
  expect(await of("headers-file", "X-One: 1\nSecret\n")).toBe("…/sent/one: line 2 is no header, such as Name: value");
  expect(await of("headers-file", "")).toBe("…/sent/one: it holds no headers");
  expect(await of("headers-file", "X-One: 1\n")).toBeUndefined();
});

test("a kubeconfig has to be one, with the files that it names", async () => {
  const of = async (text: string): Promise<string | undefined> =>
    problemWith(`{type: kube-apiserver, kubeconfig: ${await put("kube/config", text)}}`);
  expect(await of("{}")).toBe("…/kube/config: it has no current context");
  const head = "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n";
  expect(await of(`${head}clusters: [{name: c, cluster: {certificate-authority: ca.crt}}]\n`)).toBe(
    "…/kube/config: …/kube/ca.crt: no such file",
  );
  await put("kube/ca.crt", certificateAuthority().cert);
  expect(await of(`${head}clusters: [{name: c, cluster: {certificate-authority: ca.crt}}]\n`)).toBeUndefined();
});

test("a reload tells of mistakes with where they are, and leaves out most warnings where there are only those", async () => {
  const server = (port: number) => `- {address: 10.0.0.1:${port}, real-servers: [10.0.0.2:80], probe: {type: tcp}}\n`;
  const warned = `version: 1\ninclude: [none/*.yaml]\nvirtual-servers:\n${server(80)}`;
  const path = await put("reload/warned.yaml", warned);
  const [told, kept] = await Promise.all([examineConfig(path), examineConfig(path, {}, locateAside)]);
  expect(told.problems.map(({ severity, line }) => [severity, line])).toEqual([["warning", 2]]);
  // That an include matches nothing is news only where it matched before.
  expect(kept.problems.map(({ code }) => code)).toEqual(["include"]);
  expect(kept.config).toEqual(told.config);
  for (const mistake of [server(80), "version: 1\n"]) {
    const bad = await put("reload/bad.yaml", `${warned}${mistake}`);
    const { problems, config } = await examineConfig(bad, {}, locateAside);
    expect([config, problems]).toEqual([undefined, (await examineConfig(bad)).problems]);
  }
});

describe("a configuration file", () => {
  test("is read with what it includes, by name, each file once, links followed", async () => {
    const path = await put(
      "main.yaml",
      `version: 1\ninclude: [conf.d/*.yaml, conf.d/b.yaml, "*.yaml", "none/*.yaml"]\n`,
    );
    // As kubelet mounts a ConfigMap.
    await mkdir(join(folder, "conf.d/..1"), { recursive: true });
    const parts = ["b", "a"].map((name, index) =>
      put(`conf.d/..1/${name}.yaml`, `virtual-servers: [{name: ${name}, address: 10.0.0.1:8${index}, ${REST}}]\n`),
    );
    await Promise.all(parts);
    await symlink("..1", join(folder, "conf.d/..data"));
    await symlink("..data/a.yaml", join(folder, "conf.d/a.yaml"));
    await symlink("..data/b.yaml", join(folder, "conf.d/b.yaml"));
    await mkdir(join(folder, "conf.d/folder.yaml"));

    const { config, files, warnings } = await loadConfig(path);
    expect(config.virtualServers.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(files.map((file) => file.path?.slice(folder.length))).toEqual([
      "/main.yaml",
      "/conf.d/a.yaml",
      "/conf.d/b.yaml",
    ]);
    expect(files[0]?.facts).toBe(factsOf(path));
    expect(warnings.map(formatProblem)).toEqual([`${path}:2:51: warning: include[3]: no file matches`]);
  });

  test("names included files as it is written, and those that are not there at their place", async () => {
    const path = await put("broken.yaml", `version: 1\ninclude: [parts/x.yaml, parts/*.yml]\n`);
    await put("parts/y.yml", "virtual-servers: [{address: 10.0.0.1:80}]\nversion: 1\n");
    expect(await linesOf(path)).toEqual([
      "…/broken.yaml:2:11: error: include[0]: parts/x.yaml: no such file",
      "parts/y.yml:1:19: error: virtual-servers[0]: needs a probe; {type: http} is the least (asks over TLS; scheme: http for plain)",
      "parts/y.yml:1:19: error: virtual-servers[0]: needs real-servers; or discover",
      "parts/y.yml:2:1: error: version: unknown key version",
    ]);
    const failure = await loadConfig(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(failure instanceof ConfigError && failure.problems).toHaveLength(4);
  });

  test("has 8 MiB at most, with all that it includes", async () => {
    const filler = `# ${"x".repeat(5 * 1024 * 1024)}\n`;
    const path = await put(
      "large.yaml",
      `version: 1\ninclude: [large.part]\nvirtual-servers: [{address: 10.0.0.1:80, ${REST}}]\n${filler}`,
    );
    await put("large.part", filler);
    expect(await linesOf(path)).toEqual([
      "…/large.yaml:2:11: error: include[0]: large.part: all files together are longer than 8 MiB",
    ]);
    await put("large.yaml", filler + filler);
    expect(await linesOf(path)).toEqual(["…/large.yaml:1:1: error: all files together are longer than 8 MiB"]);
  });

  test("is text in UTF-8", async () => {
    const path = join(folder, "latin.yaml");
    await Bun.write(path, Buffer.from("version: 1\nname: \xe4\n", "latin1"));
    expect(await linesOf(path)).toEqual(["…/latin.yaml:2:7: error: it is not in UTF-8"]);
    // A sign for what cannot be read is a character like others where the file itself has it.
    await Bun.write(path, Buffer.concat([Buffer.from("# \uFFFD ö\n# ö "), Buffer.from([0xe4])]));
    expect(await linesOf(path)).toEqual(["…/latin.yaml:2:5: error: it is not in UTF-8"]);
  });

  test("is a regular file: nothing else is waited for", async () => {
    const fifo = join(folder, "fifo");
    expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
    using _ = Bun.listen({ unix: join(folder, "socket"), socket: { data: () => undefined } });
    const hint = "a configuration is a regular file, or - for standard input";
    expect(await linesOf(fifo)).toEqual([`…/fifo:1:1: error: it is a FIFO; ${hint}`]);
    expect(await linesOf(join(folder, "socket"))).toEqual([`…/socket:1:1: error: it is a socket; ${hint}`]);
    expect(await linesOf("/dev/zero")).toEqual([`/dev/zero:1:1: error: it is a device; ${hint}`]);
    expect(await linesOf(folder)).toEqual([`…:1:1: error: it is a folder; ${hint}`]);
    expect(await linesOf(join(folder, "gone.yaml"))).toEqual(["…/gone.yaml:1:1: error: no such file"]);
  });

  test("may be replaced as a whole while it is there", async () => {
    const path = await put("swapped.yaml", `version: 1\nvirtual-servers: [{address: 10.0.0.1:80, ${REST}}]\n`);
    const before = await loadConfig(path);
    await put("swapped.new", `version: 1\nvirtual-servers: [{address: 10.0.0.1:81, ${REST}}]\n`);
    await rename(join(folder, "swapped.new"), path);
    const after = await loadConfig(path);
    expect(after.files[0]?.facts).not.toBe(before.files[0]?.facts);
    expect(after.config.virtualServers[0]?.service.endpoint.port).toBe(81);
  });

  test("takes this node's address as the gateway of those of its family that name none", async () => {
    const path = await put(
      "gateways.yaml",
      `version: 1\nvirtual-servers:\n- {address: 10.0.0.1:80, ${REST}}\n- {address: 10.0.0.1:81, ip: 10.0.0.7, ${REST}}\n- {address: "[fd00::1]:80", probe: {type: http}, real-servers: ["[fd00::2]:80"]}\n`,
    );
    const { config } = await loadConfig(path, { nodeAddress: { family: "ipv4", address: "10.0.0.9" } });
    expect(config.virtualServers.map(({ reach }) => reach.gateway)).toEqual(["10.0.0.9", "10.0.0.7", undefined]);
  });
});
