import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HoldFile } from "../../src/app/hold-file.ts";
import { claimVirtualServers, isAddressCaredFor } from "../../src/app/claim.ts";
import { findVirtualServer } from "../../src/app/find-target.ts";
import type { ControlVirtualServer } from "../../src/control/answers.ts";
import { configSocketPath, makeRuntimeDirectory, runtimeDirectory } from "../../src/control/runtime-directory.ts";
import { serveControl, type ControlServer } from "../../src/control/server.ts";
import { CheckHistory } from "../../src/events/check-history.ts";
import { WebAnswers } from "../../src/control/web-answers.ts";
import { parseEndpoint } from "../../src/domain/endpoint.ts";
import type { EventRecord, EventReport } from "../../src/domain/event-record.ts";
import { changeHold } from "../../src/domain/hold.ts";
import type { Logger } from "../../src/domain/logger.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { keyOf, nameVirtualServer, ofVirtualServer } from "../../src/domain/virtual-server-name.ts";
import { NO_TRAFFIC, type Protocol, type ServiceKey } from "../../src/domain/virtual-server.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { renderMetrics } from "../../src/metrics/render-metrics.ts";
import { runProgram } from "../cli/run-program.ts";
import { SseReader } from "../control/support/sse-reader.ts";

/** Two virtual servers that differ in protocol alone: nothing serves UDP yet, but nothing may take one for the other. */
const ADDRESS = "127.77.9.10:53";
const REAL = "10.0.0.1:53";

setDefaultTimeout(120_000);

const uid = process.getuid?.() ?? 0;
const folder = mkdtempSync(join(tmpdir(), "lvscare-protocols-"));
const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
/** Those of root have one place alone: it is shared with whatever runs there. */
const runtime = runtimeDirectory(environment, uid);
const held: string[] = [];
const both = [pretended("tcp"), pretended("udp")];
let control: ControlServer;

beforeAll(() => {
  makeRuntimeDirectory(runtime, uid);
  control = serveControl([configSocketPath(runtime, folder)], {
    virtualServers: () => both,
  });
});
afterAll(() => {
  control.close();
  rmSync(folder, { recursive: true });
});

test("commands name the one that is meant", async () => {
  const run = (...argv: readonly string[]) => runProgram(argv, environment);
  const status = async (word: string): Promise<string[]> => {
    const { stdout, stderr } = await run("status", "--vs", word, "--output", "json");
    expect(stderr).toBe("");
    const { virtualServers } = JSON.parse(stdout) as { readonly virtualServers: readonly VirtualServerStatus[] };
    return virtualServers.map(keyOf).toSorted();
  };
  expect(await status(`udp/${ADDRESS}`)).toEqual([`udp ${ADDRESS}`]);
  expect(await status(`tcp ${ADDRESS}`)).toEqual([`tcp ${ADDRESS}`]);
  expect(await status(ADDRESS)).toEqual([`tcp ${ADDRESS}`, `udp ${ADDRESS}`]);

  const { stdout } = await run("events", "--vs", `udp/${ADDRESS}`, "--output", "json");
  expect(JSON.parse(stdout)).toMatchObject({ virtualServer: ADDRESS, virtualServerProtocol: "udp", message: "of udp" });

  const drained = await run("drain", REAL, "--vs", `udp/${ADDRESS}`, "--output", "json");
  expect(JSON.parse(drained.stdout)).toMatchObject({ virtualServer: ADDRESS, virtualServerProtocol: "udp" });
  expect(held).toEqual([`udp ${ADDRESS}`]);
  // Its way there and back: of the two, only this one has no open connections.
  const waited = await run("drain", REAL, "--vs", `udp/${ADDRESS}`, "--wait", "10s");
  expect([waited.code, waited.stderr]).toEqual([0, ""]);
  held.pop();
  const unclear = await run("drain", REAL, "--vs", ADDRESS);
  expect([unclear.code, unclear.stderr]).toEqual([
    1,
    expect.stringContaining(`${ADDRESS} may be tcp/${ADDRESS}, udp/${ADDRESS} (name the one by its address)`),
  ]);
  expect(held).toHaveLength(1);
  const refused = await run("drain", REAL, "--vs", `icmp/${ADDRESS}`);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(`icmp/${ADDRESS}`)]);

  const offered = await run("completion", "virtual-servers");
  expect(offered.stdout.split("\n")).toEqual(expect.arrayContaining([`tcp/${ADDRESS}`, `udp/${ADDRESS}`]));
});

test("the page, its stream and metrics tell them apart", async () => {
  // The same ones each time: others would be other virtual servers.
  const served = both.map((one) => ({ ...one, checks: new CheckHistory(), failuresOf: () => [] }));
  const web = new WebAnswers(
    {
      virtualServers: () => served,
      metrics: (statuses, format) => {
        const virtualServers = statuses.map((status) => ({ status, metrics: new Metrics() }));
        const ofProcess = { process: undefined, version: "1", turns: { lagMs: 0, stalls: 0, stalledMs: 0 } };
        return renderMetrics({ virtualServers, configuration: undefined, ...ofProcess }, format);
      },
    },
    { isLoopback: false },
  );
  const get = (path: string): Promise<Response> => web.answer(new Request(`http://x${path}`));
  const words = [`tcp/${ADDRESS}`, `udp/${ADDRESS}`];
  const overview = (await get("/api/v1/stream?brief=1")).body;
  if (overview === null) throw new Error("there is no stream");
  const all = new SseReader(overview);
  expect((await all.next("overview"))?.data).toMatchObject({
    virtualServers: { [words[0] ?? ""]: { protocol: "tcp" }, [words[1] ?? ""]: { protocol: "udp" } },
  });
  await all.leave();
  expect(await (await get("/api/v1/virtual-servers")).json()).toEqual(words);
  for (const [at, word] of words.entries()) {
    const status = (await (await get(`/api/v1/status?vs=${encodeURIComponent(word)}`)).json()) as VirtualServerStatus;
    expect(keyOf(status)).toBe(word.replace("/", " "));
    const report = (await (await get(`/api/v1/events?vs=${word}`)).json()) as EventReport;
    expect([keyOf(report), report.events.map(({ message }) => message)]).toEqual([
      keyOf(status),
      [`of ${["tcp", "udp"][at]}`],
    ]);
    const { body } = await get(`/api/v1/stream?vs=${word}`);
    if (body === null) throw new Error("there is no stream");
    const stream = new SseReader(body);
    expect((await stream.next("event"))?.data).toMatchObject({ message: `of ${["tcp", "udp"][at]}` });
    await stream.leave();
  }
  const unclear = await get(`/api/v1/status?vs=${ADDRESS}`);
  expect([unclear.status, await unclear.text()]).toEqual([400, `?vs= names one of ${words.join(", ")}\n`]);
  const metrics = await (await get("/metrics")).text();
  for (const protocol of ["tcp", "udp"])
    expect(metrics).toContain(`lvscare_apply_failures_total{virtual_server="${ADDRESS}",protocol="${protocol}"} 0\n`);
  web.close();
});

test("the SDK finds the one that is meant", () => {
  expect(findVirtualServer(`udp/${ADDRESS}`, both)).toBe(both[1] as ControlVirtualServer);
  expect(() => findVirtualServer(ADDRESS, both)).toThrow(`${ADDRESS} may be tcp/${ADDRESS}, udp/${ADDRESS}`);
});

test("each has claims and holds of its own, and the address is in use until both have gone", () => {
  const [tcp, udp] = [key("tcp"), key("udp")];
  using both = new DisposableStack();
  both.use(claimVirtualServers([tcp], uid, SILENT));
  const claim = both.use(claimVirtualServers([udp], uid, SILENT));
  expect(isAddressCaredFor(tcp.endpoint, [tcp])).toBe(true);
  claim.release(udp);
  expect(isAddressCaredFor(tcp.endpoint, [tcp])).toBe(false);
  expect(isAddressCaredFor(tcp.endpoint, [udp])).toBe(true);

  const ofTcp = new HoldFile(folder, tcp);
  const hold = changeHold(undefined, { kind: "drain" }, "2026-11-25T10:00:00.000Z");
  ofTcp.write(new Map(hold === undefined ? [] : [[REAL, hold]]));
  expect([...ofTcp.read(SILENT).keys()]).toEqual([REAL]);
  expect(new HoldFile(folder, udp).read(SILENT).size).toBe(0);
});

// --- internal ---

const ignore = (): void => undefined;
const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function key(protocol: Protocol): ServiceKey {
  return { protocol, endpoint: parseEndpoint(ADDRESS) };
}

function pretended(protocol: Protocol): ControlVirtualServer & { readonly named: { readonly protocol: Protocol } } {
  const named = nameVirtualServer(key(protocol), undefined);
  const realServer = {
    address: REAL,
    state: "healthy",
    activeConnections: protocol === "udp" ? 0 : 1,
    inactiveConnections: 0,
    ...(protocol === "udp" && { hold: { since: "2026-11-24T10:00:00.000Z", drained: true } }),
  } as const;
  const status: VirtualServerStatus = {
    ...named,
    scheduler: "rr",
    dataPlane: { kind: "ipvs", via: "libnl" },
    stats: NO_TRAFFIC,
    realServers: [realServer],
  };
  const event: EventRecord = {
    id: 1,
    at: "2026-11-24T10:00:01.000Z",
    sinceBootMs: 1000,
    level: "info",
    message: `of ${protocol}`,
    type: "plan.applied",
  };
  return {
    named,
    realServers: [{ address: REAL }],
    status: () => Promise.resolve(status),
    members: () => ({ ...named, members: [] }),
    events: (after) => ({
      ...named,
      startedAt: "2026-11-24T10:00:00.000Z",
      sinceBootMs: 2000,
      events: after < 1 ? [event] : [],
    }),
    hold: () => {
      held.push(keyOf(named));
      return Promise.resolve({ ...ofVirtualServer(named), scheduler: "rr", realServer });
    },
    check: () => Promise.reject(new Error("not asked")),
  };
}
