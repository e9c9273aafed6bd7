import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Glob } from "bun";

const root = resolve(import.meta.dir, "..");

/** Which rooms a room may import from. What is not listed is forbidden. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  native: ["domain"],
  domain: [],
  desired: ["domain"],
  netlink: ["domain"],
  config: ["domain"],
  dataplane: ["domain", "netlink", "config"],
  probe: ["domain", "config"],
  // Its clock and its wire are those of checks.
  discovery: ["domain", "config", "probe"],
  reach: ["domain", "netlink", "config"],
  control: ["domain"],
  manifest: ["domain"],
  metrics: ["domain"],
  events: ["domain"],
  actors: ["domain", "desired", "events"],
  // A small world around the machines and the prober: its data plane and its connections are its own.
  simulation: ["domain", "config", "dataplane", "probe", "actors"],
  app: [
    "domain",
    "desired",
    "config",
    "netlink",
    "dataplane",
    "probe",
    "discovery",
    "reach",
    "control",
    "manifest",
    "metrics",
    "events",
    "actors",
    "simulation",
  ],
  cli: ["domain", "config", "manifest", "app"],
  // The SDK.
  "index.ts": ["domain", "config", "manifest", "app"],
};

/** Machines know the interfaces of adapters, never an adapter. */
const INTERFACES = ["src/dataplane/round.ts", "src/probe/schedule/check-schedule.ts", "src/reach/host-object.ts"];

/** Folders that are opened by their faces alone, but for those who put the parts together. */
const FACES: ReadonlyMap<string, { readonly faces: readonly string[]; readonly composers?: readonly string[] }> =
  new Map([
    ["src/desired/", { faces: ["next.ts", "member.ts", "adoption.ts", "reconfigure.ts"] }],
    [
      "src/probe/connection/",
      {
        faces: ["connection.ts", "dial.ts", "failure-reasons.ts"],
        composers: [
          "src/probe/http/http-prober.ts",
          "src/probe/http/http-tls-policy.ts",
          "src/probe/tcp/tcp-prober.ts",
          "src/probe/kube-apiserver/kube-apiserver-prober.ts",
          "src/probe/kube-apiserver/kube-identity.ts",
          "src/discovery/kubernetes/api-client.ts",
          "src/discovery/kubernetes/service-account.ts",
          "src/simulation/scripted-connection.ts",
        ],
      },
    ],
    [
      "src/discovery/",
      {
        faces: [
          "discovery.ts",
          "file-source.ts",
          "memory.ts",
          "source.ts",
          "kubernetes/open.ts",
          "kubernetes/maintenance.ts",
          "dns/dns-source.ts",
          "dns/resolver.ts",
        ],
      },
    ],
    ["src/probe/schedule/", { faces: ["check-schedule.ts", "check-scheduler.ts", "shared-checks.ts"] }],
    ["src/probe/http/keep-alive/", { faces: ["keep-alive.ts"] }],
    ["src/probe/http/response/", { faces: ["response-reader.ts", "stream-reader.ts"] }],
    ["src/netlink/ipvs/", { faces: ["requests.ts"] }],
    ["src/dataplane/ipvs/", { faces: ["ipvs-plane.ts", "outlook.ts", "half-open.ts"] }],
  ]);

/** The only files above `native/` that reach into it: where sockets and the local time enter. */
const NATIVE_IMPORTERS = [
  "src/app/preparation.ts",
  "src/app/claim.ts",
  "src/app/daemon-sockets.ts",
  "src/app/after-start.ts",
  "src/app/cluster.ts",
  "src/app/care-process.ts",
  "src/app/open-source.ts",
  "src/app/daemon-web.ts",
  "src/app/descriptor-state.ts",
  "src/app/doctor/tcp-connect.ts",
  "src/app/local-time.ts",
  "src/app/runtime-lock.ts",
  "src/control/server.ts",
  "src/netlink/kernel-transport.ts",
];

/** What any room may import of `native/`: it calls no foreign function. */
const WITHOUT_FFI = ["native/adopt-descriptor.ts", "native/own-file.ts"];

const files = [...new Glob("{src,native}/**/*.ts").scanSync(root)].toSorted();
const imports = new Map(files.map((file) => [file, importsOf(file)]));

describe("the house", () => {
  test("each room imports only from the rooms it may", () => {
    const trespasses = edges().filter(({ from, to }) => {
      const [here, there] = [roomOf(from), roomOf(to)];
      if (here === there || (here === "actors" && INTERFACES.includes(to)) || there === "native") return false;
      return !(MAY_IMPORT[here] ?? []).includes(there);
    });
    expect(trespasses.map(describeEdge)).toEqual([]);
  });

  test("what lies behind the face of a folder is not opened from outside of it", () => {
    const trespasses = [...FACES].flatMap(([folder, { faces, composers = [] }]) => {
      expect(faces.filter((face) => !files.includes(`${folder}${face}`))).toEqual([]);
      return edges().filter(
        ({ from, to }) =>
          to.startsWith(folder) &&
          !from.startsWith(folder) &&
          !composers.includes(from) &&
          !faces.includes(to.slice(folder.length)),
      );
    });
    expect(trespasses.map(describeEdge)).toEqual([]);
  });

  test("no file is part of an import cycle", () => {
    const cyclic = files.filter((file) => reaches(file, file));
    expect(cyclic).toEqual([]);
  });

  test("only native imports bun:ffi, and only the glue imports native", () => {
    expect(files.filter((file) => uses(file, "bun:ffi") && roomOf(file) !== "native")).toEqual([]);
    const importers = edges()
      .filter(({ from, to }) => roomOf(to) === "native" && roomOf(from) !== "native" && !WITHOUT_FFI.includes(to))
      .map(({ from }) => from);
    expect(importers.filter((file) => !NATIVE_IMPORTERS.includes(file))).toEqual([]);
    expect(WITHOUT_FFI.filter((file) => loadedWith(file).has("bun:ffi"))).toEqual([]);
  });

  test("xstate stays with the machines and who starts them, citty and consola in cli, in a file each and the dispatch", () => {
    const rooms = ["actors", "app", "simulation"];
    expect(files.filter((file) => uses(file, "xstate") && !rooms.includes(roomOf(file)))).toEqual([]);
    expect(files.filter((file) => uses(file, "citty"))).toEqual(["src/cli/command.ts", "src/cli/main.ts"]);
    expect(files.filter((file) => uses(file, "consola"))).toEqual(["src/cli/log/create-logger.ts"]);
  });

  test("process.exit is called in one file", () => {
    const callers = files.filter((file) => /\bprocess\.exit\(/.test(source(file)));
    expect(callers).toEqual(["src/cli/exit.ts"]);
  });

  test("stdout and stderr are written to in one file, by plain writes", () => {
    // `Bun.write` truncates what it is given an empty text for, and makes files longer beforehand.
    const writers = files.filter((file) => /\bBun\.(write|stdout|stderr)\b|\bconsole\.\w+\(/.test(source(file)));
    expect(writers).toEqual([]);
    expect(files.filter((file) => /\bwriteSync\(/.test(source(file)))).toEqual(["src/cli/descriptor.ts"]);
  });

  test("commands run argument lists, never shell strings", () => {
    expect(files.filter((file) => /from "node:child_process"|Bun\.\$|\$`/.test(source(file)))).toEqual([]);
  });

  test("short commands load neither machines nor the way to the kernel, nor modules of the runtime", () => {
    const heavy = /^(xstate|consola|#native|bun:.*|node:.*)$/;
    const loaded = [...loadedWith("src/cli/main.ts"), ...loadedWith("src/cli/commands/version.ts")];
    expect(loaded.filter((specifier) => heavy.test(specifier))).toEqual([]);
    expect(loaded).toContain("citty");
    // Its way to run a command loads a parser of arguments that nobody here needs.
    expect(files.filter((file) => /\brun(Command|Main)\b[^;]*\} from "citty"/.test(source(file)))).toEqual([]);
    expect(
      files.filter((file) => /\bprocess\.std(out|err)\b|\{[^}]*\bstdout\b[^}]*\} = process/.test(source(file))),
    ).toEqual(["src/cli/terminal.ts"]);
  });

  test("setting up once and cleaning up load no machines, no checks and no proxy, nor does the kernel's data plane load the proxy", () => {
    const loaded = [...loadedWith("src/cli/commands/care.ts"), ...loadedWith("src/app/care-once.ts")];
    expect(loaded).toContain("src/dataplane/ipvs/ipvs-plane.ts");
    expect(
      loaded.filter((file) => /^xstate|^src\/actors\/.*-machine|^src\/(probe|dataplane\/userspace)\//.test(file)),
    ).toEqual([]);
  });

  test("a daemon starts without what most daemons have no need of", () => {
    const loaded = [...loadedWith("src/cli/commands/care.ts"), ...loadedWith("src/app/daemon.ts")];
    expect(loaded).toContain("src/actors/daemon-machine.ts");
    const spared = /^src\/(discovery|config\/file)\/|^src\/app\/config-reload|^node:(?!fs$|os$|path$)/;
    expect(loaded.filter((file) => spared.test(file))).toEqual([]);
  });

  test("to import the SDK loads neither machines nor the way to the kernel", () => {
    const loaded = [...loadedWith("src/index.ts")];
    expect(loaded).toContain("src/config/file/config-object.ts");
    expect(loaded.filter((specifier) => /^(xstate|consola|yaml|#native|bun:.*)$/.test(specifier))).toEqual([]);
  });

  test("tables that are looked into by a text are maps: of an object, every name that all objects have would be found", () => {
    expect(files.filter((file) => /^(export )?const \w+: Readonly<Record<string,/m.test(source(file)))).toEqual([]);
  });

  test("CONTRIBUTING names files that there are", () => {
    const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
    const named = [...text.matchAll(/`([\w-]+(?:\/[\w-]+)+\.ts)`/g)].map(([, path = ""]) => path);
    expect(named.length).toBeGreaterThan(30);
    const missing = named.filter((path) => !["", "src/"].some((folder) => existsSync(join(root, folder, path))));
    expect(missing).toEqual([]);
  });

  test("only citty's command files have default exports", () => {
    const holders = files.filter((file) => /^export default\b/m.test(source(file)));
    expect(holders.filter((file) => !file.startsWith("src/cli/commands/"))).toEqual([]);
  });
});

// --- internal ---

interface Edge {
  readonly from: string;
  readonly to: string;
}

function edges(): Edge[] {
  return files.flatMap((from) =>
    (imports.get(from) ?? [])
      .map((specifier) => target(from, specifier))
      .filter((to) => to !== undefined)
      .map((to) => ({ from, to })),
  );
}

/** The file of this project that an import names, undefined for packages and data. */
function target(from: string, specifier: string): string | undefined {
  if (specifier === "#native") return "native/index.ts";
  if (!specifier.startsWith(".") || !specifier.endsWith(".ts")) return undefined;
  return relative(root, resolve(root, dirname(from), specifier));
}

function reaches(start: string, goal: string): boolean {
  const seen = new Set<string>();
  const open = [start];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const specifier of imports.get(file) ?? []) {
      const next = target(file, specifier);
      if (next === goal) return true;
      if (next === undefined || seen.has(next)) continue;
      seen.add(next);
      open.push(next);
    }
  }
  return false;
}

/** All that is loaded before a file's first line runs: what it imports in its head, and what that does. */
function loadedWith(start: string): Set<string> {
  const loaded = new Set<string>();
  const open = [start];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const [, specifier = ""] of source(file).matchAll(/^(?:import|export)\s(?!type\b)[^;]*?"([^"]+)";$/gm)) {
      const next = target(file, specifier);
      if (loaded.has(next ?? specifier)) continue;
      loaded.add(next ?? specifier);
      if (next !== undefined) open.push(next);
    }
  }
  return loaded;
}

function importsOf(file: string): string[] {
  return [...source(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier = ""]) => specifier);
}

function uses(file: string, name: string): boolean {
  return (imports.get(file) ?? []).some((specifier) => specifier === name || specifier.startsWith(`${name}/`));
}

function roomOf(file: string): string {
  const [first = "", second = ""] = file.split("/");
  return first === "src" ? second : first;
}

function source(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

function describeEdge({ from, to }: Edge): string {
  return `${from} → ${to}`;
}
