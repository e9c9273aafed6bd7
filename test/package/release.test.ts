import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { lockedPackages } from "../../tasks/image/debian-lock.ts";
import { buildRelease } from "../../tasks/release.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { runCommand } from "../kernel/harness/run-command.ts";
import { readElfHead } from "./support/elf.ts";
import { muslEnvironment } from "./support/musl.ts";
import { npmPackageCases } from "./support/npm-package-cases.ts";
import { readImages, type ReadImage } from "./support/oci-image.ts";
import { serveOnce } from "./support/serve-once.ts";

setDefaultTimeout(300_000);

const EMULATORS = [
  { name: "qemu-user-static", file: "/usr/bin/qemu-aarch64-static" },
  { name: "qemu-user-static", file: "/usr/bin/qemu-x86_64-static" },
];

const ARTEFACTS = [
  ...["linux-amd64", "linux-amd64-musl", "linux-arm64", "linux-arm64-musl"].map((name) => `lvscare-${name}`),
  ...["amd64", "arm64"].map((name) => `lvscare-image-${name}.tar`),
  `lvscare-${manifest.version}.tgz`,
];

const devDependencies = new Map(Object.entries(manifest.devDependencies));

let folder: string;
let images: ReadonlyMap<string, ReadImage>;
beforeAll(async () => {
  await installMissingPackages(EMULATORS);
  folder = await mkdtemp(join(tmpdir(), "lvscare-release-"));
  process.env["SOURCE_DATE_EPOCH"] = "1764000000";
  await buildRelease(folder);
  images = await readImages(join(folder, "image"));
  for (const [name, { layers }] of images) await unpack(layers[0]?.path ?? "", rootOf(name));
});
afterAll(async () => {
  delete process.env["SOURCE_DATE_EPOCH"];
  await rm(folder, { recursive: true, force: true });
});

describe("the binaries", () => {
  test.each([
    ["linux-amd64", "x86-64", "/lib64/ld-linux-x86-64.so.2"],
    ["linux-arm64", "AArch64", "/lib/ld-linux-aarch64.so.1"],
    ["linux-amd64-musl", "x86-64", "/lib/ld-musl-x86_64.so.1"],
    ["linux-arm64-musl", "AArch64", "/lib/ld-musl-aarch64.so.1"],
  ] as const)("%s is for %s with %s", async (name, machine, interpreter) => {
    expect(await readElfHead(binary(name))).toEqual({ machine, interpreter });
  });

  test("the one for amd64 needs no AVX", async () => {
    const old = ["qemu-x86_64-static", "-cpu", "Nehalem", binary("linux-amd64"), "version"];
    expect(await versionOf(old)).toMatchObject({ gitVersion: manifest.version, platform: "linux/amd64" });
  });

  test("the one for arm64 serves, on the libraries of its image", async () => {
    const emulated = ["qemu-aarch64-static", "-L", rootOf("arm64"), binary("linux-arm64")];
    expect(await versionOf([...emulated, "version"])).toMatchObject({ platform: "linux/arm64" });
    expect(await serveOnce(emulated)).toEqual({ exitCode: 0, log: expect.stringContaining("INFO stopped") });
  });

  test("the one for musl serves on musl", async () => {
    const musl = binary("linux-amd64-musl");
    const env = await muslEnvironment(musl, await mkdtemp(join(folder, "musl-")));
    expect(await serveOnce([musl], { env })).toEqual({ exitCode: 0, log: expect.stringContaining("INFO stopped") });
  });

  test("and all that is handed out have their checksums", async () => {
    const checked = await runCommand(["sha256sum", "--check", "SHA256SUMS"], { cwd: folder, timeoutMs: 60_000 });
    expect(checked.trim().split("\n")).toEqual(
      [...ARTEFACTS.flatMap((file) => [file, `${file}.spdx.json`]), "lvscare-licences.txt"]
        .toSorted()
        .map((file) => `${file}: OK`),
    );
  });

  test("have the notices of what is inside of them in themselves and beside them", async () => {
    const beside = await Bun.file(join(folder, "lvscare-licences.txt")).text();
    for (const name of ["lvscare\n\n", "citty ", "consola ", "xstate ", "bun, "]) {
      expect(beside).toMatch(new RegExp(`(^|-{80}\n\n)${name}`));
    }
    expect(await runCommand([binary("linux-amd64"), "licences"], { timeoutMs: 60_000 })).toBe(beside);
  });
});

describe("a bill of materials", () => {
  test.each(ARTEFACTS)("in SPDX tells what is inside of %s", async (file) => {
    const bom = (await Bun.file(join(folder, `${file}.spdx.json`)).json()) as Bom;
    const [artefact, ...inside] = bom.packages;
    expect(bom).toMatchObject({ spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", name: file });
    expect(bom.creationInfo.created).toBe("2025-11-24T16:00:00Z");
    const sum = `${artefact?.checksums?.[0]?.checksumValue}  ${file}\n`;
    expect(await Bun.file(join(folder, "SHA256SUMS")).text()).toContain(sum);
    expect(bom.relationships.map(({ relatedSpdxElement }) => relatedSpdxElement)).toEqual(
      bom.packages.map(({ SPDXID }) => SPDXID),
    );
    const names = inside.map(({ name, versionInfo, licenseDeclared }) => `${name} ${versionInfo}: ${licenseDeclared}`);
    const libraries = [
      ...["citty", "consola", "xstate"].map((name) => `${name} ${devDependencies.get(name)}: MIT`),
      `yaml ${devDependencies.get("yaml")}: ISC`,
    ];
    const runtime = file.endsWith(".tgz") ? [] : [`${runtimeOf(file)} ${Bun.version}: MIT`];
    const architecture = /image-(\w+)\.tar/.exec(file)?.[1];
    const debian = architecture === undefined ? [] : lockedPackages(architecture);
    expect(names).toEqual([
      ...libraries,
      ...runtime,
      ...debian.map(({ name, version }) => `${name} ${version}: NOASSERTION`),
    ]);
  });
});

describe("the image", () => {
  test("is there for both architectures, with a config that starts lvscare and says what it is", () => {
    expect([...images.keys()]).toEqual(["amd64", "arm64"]);
    for (const [architecture, { config, layers }] of images) {
      expect(config).toMatchObject({
        architecture,
        os: "linux",
        config: {
          Entrypoint: ["/usr/bin/lvscare"],
          Labels: {
            "org.opencontainers.image.title": "lvscare",
            "org.opencontainers.image.version": manifest.version,
            "org.opencontainers.image.licenses": "Apache-2.0",
          },
        },
        rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      });
    }
  });

  test("is packed for hosts without a registry, also as old Dockers want it", async () => {
    for (const architecture of images.keys()) {
      const unpacked = join(folder, `archive-${architecture}`);
      await unpack(join(folder, `lvscare-image-${architecture}.tar`), unpacked);
      const own = await readImages(unpacked);
      expect([...own.values()]).toEqual([expect.objectContaining({ config: images.get(architecture)?.config })]);
      const [image] = own.values();
      expect(await Bun.file(join(unpacked, "manifest.json")).json()).toEqual([
        {
          Config: image?.configPath.slice(unpacked.length + 1),
          RepoTags: [`lvscare:${manifest.version}`],
          Layers: image?.layers.map(({ path }) => path.slice(unpacked.length + 1)),
        },
      ]);
    }
  });

  test("holds nothing to run besides lvscare and the loader, and a licence for everything in it", async () => {
    for (const architecture of images.keys()) {
      const root = rootOf(architecture);
      const files = await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: root, dot: true }));
      const programs = [];
      for (const file of files) {
        const { mode } = await Bun.file(join(root, file)).stat();
        if ((mode & 0o111) !== 0) programs.push(file);
      }
      expect(programs.filter((path) => !/^lib(64)?\/(.*\/)?(ld-linux-[^/]*|libc)\.so\.\d$/.test(path))).toEqual([
        "usr/bin/lvscare",
      ]);
      const packages = files
        .filter((path) => path.startsWith("var/lib/dpkg/status.d/"))
        .map((path) => path.split("/").at(-1));
      expect(packages.toSorted()).toEqual([
        "base-files",
        "ca-certificates",
        "libc6",
        "libnl-3-200",
        "libnl-genl-3-200",
      ]);
      const papers = packages.map((name) => `usr/share/doc/${name}/copyright`);
      expect(files).toEqual(expect.arrayContaining([...papers, "usr/share/doc/lvscare/LICENSE"]));
    }
  });

  test("runs where there is nothing but it and /proc", async () => {
    const root = rootOf("amd64");
    await mkdir(join(root, "proc"));
    const inside = ["unshare", "--mount", `--root=${root}`, "--mount-proc", "/usr/bin/lvscare"];
    expect(await versionOf([...inside, "version"])).toMatchObject({ gitVersion: manifest.version });
    expect(await serveOnce(inside)).toEqual({ exitCode: 0, log: expect.stringContaining("INFO stopped") });
  });

  test("trusts the authorities that Debian trusts", async () => {
    const bundle = await Bun.file(join(rootOf("amd64"), "etc/ssl/certs/ca-certificates.crt")).text();
    expect(bundle.match(/^-----BEGIN CERTIFICATE-----$/gm)?.length).toBeGreaterThan(100);
    expect(bundle.match(/^-----END CERTIFICATE-----$/gm)).toHaveLength(bundle.match(/^-----BEGIN/gm)?.length ?? 0);
  });
});

describe("packed for npm", () => {
  npmPackageCases(() => join(folder, `lvscare-${manifest.version}.tgz`));
});

test("whoever builds the same sources gets the same bytes", async () => {
  const again = await mkdtemp(join(tmpdir(), "lvscare-release-"));
  try {
    await buildRelease(again);
    for (const file of ["SHA256SUMS", "image/index.json"]) {
      expect(await Bun.file(join(again, file)).text()).toBe(await Bun.file(join(folder, file)).text());
    }
  } finally {
    await rm(again, { recursive: true, force: true });
  }
});

// --- internal ---

interface Bom {
  readonly name: string;
  readonly creationInfo: { readonly created: string };
  readonly packages: readonly {
    readonly SPDXID: string;
    readonly name: string;
    readonly versionInfo: string;
    readonly licenseDeclared: string;
    readonly checksums?: readonly { readonly checksumValue: string }[];
  }[];
  readonly relationships: readonly { readonly relatedSpdxElement: string }[];
}

function runtimeOf(file: string): string {
  const [, architecture = "", libc = ""] = /(amd64|arm64)(-musl)?/.exec(file) ?? [];
  return `@oven/bun-linux-${architecture === "amd64" ? "x64" : "aarch64"}${libc}`;
}

function binary(name: string): string {
  return join(folder, `lvscare-${name}`);
}

function rootOf(architecture: string): string {
  return join(folder, `root-${architecture}`);
}

async function unpack(archive: string, into: string): Promise<void> {
  await mkdir(into);
  await runCommand(["tar", "--extract", "--file", archive, "--directory", into], { timeoutMs: 60_000 });
}

async function versionOf(command: readonly string[]): Promise<unknown> {
  return JSON.parse(await runCommand(command, { timeoutMs: 60_000 }));
}
