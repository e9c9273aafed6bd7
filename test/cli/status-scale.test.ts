import { describe, expect, test } from "bun:test";
import { createPaint } from "../../src/cli/colour.ts";
import { renderStatus } from "../../src/cli/status-table.ts";
import type { StatusView } from "../../src/cli/status-view.ts";
import type { VirtualServerStatus } from "../../src/domain/status.ts";
import { healthyServer, NOW, reportOf, virtualServerWith } from "./support/made-up-status.ts";

const paint = createPaint(false);

describe("200 real servers", () => {
  test.each([0, 2, 30, 200])("of which %d fail are no more than 40 lines, however wide", (failing) => {
    for (const width of [80, 100, 200, undefined]) {
      const text = linesOf([virtualServerWith(1, 200, failing)], { width });
      expect(text.length).toBeLessThanOrEqual(40);
      expect(text.filter((line) => Bun.stringWidth(line) > (width ?? 1000))).toEqual([]);
    }
  });

  test("show those that fail, and count the others", () => {
    const text = linesOf([virtualServerWith(1, 200, 2)]);
    expect(text[0]).toBe("tcp 10.96.1.1:80  degraded · 198 of 200 in service · 2 failed");
    const at = text.findIndex((line) => line.includes("REAL SERVER"));
    expect(text.slice(at + 1)).toEqual([
      expect.stringMatching(/^ {2}10\.1\.0\.199:8080 {2}removed .* failed 2s ago in 0\.2ms: connect refused$/),
      expect.stringMatching(/^ {2}10\.1\.0\.200:8080 {2}removed /),
      "  … 198 more: 198 healthy (--all shows them)",
      "",
      "  LAST CHANGE",
      "  10.1.0.199:8080  1m ago draining → removed: connect refused",
      "  10.1.0.200:8080  1m ago draining → removed: connect refused",
    ]);
  });

  test("of which some are drained tell by whom", () => {
    const status = virtualServerWith(1, 200, 2);
    const hold = { since: "2026-11-24T02:39:53Z", drained: true, by: "alice" };
    const drain = (count: number): VirtualServerStatus => ({
      ...status,
      realServers: status.realServers.map((server, at) =>
        at < count ? { ...server, state: "drained", weight: 0, hold, stateSince: hold.since } : server,
      ),
    });
    const text = linesOf([drain(1)]);
    expect(text).toContainEqual(expect.stringMatching(/^ {2}10\.1\.0\.1:8080 {4}drained {2}7s /));
    expect(text.slice(text.indexOf("  HELD"), -4)).toEqual(["  HELD", "  10.1.0.1:8080    drained, 7s ago by alice"]);
    const many = linesOf([drain(100)], { width: 80 });
    expect(many.length).toBeLessThanOrEqual(40);
    expect(many).toContain("  HELD");
  });

  test("of which one is drained are well, and it is named", () => {
    const status = virtualServerWith(1, 3);
    const hold = { since: "2026-11-24T02:39:53Z", drained: true };
    const realServers = status.realServers.map((server, at) => (at === 1 ? { ...server, weight: 0, hold } : server));
    expect(linesOf([{ ...status, realServers }], { onlyBad: true })).toEqual([
      "all is well: the virtual server serves; drained: 10.1.0.2:8080",
    ]);
  });

  test("are all there for who asks, those that fail first", () => {
    const rows = rowsOf(linesOf([virtualServerWith(1, 200, 2)], { all: true }));
    expect([rows.length, rows[0], rows[1], rows[2]]).toEqual([
      200,
      "10.1.0.199:8080",
      "10.1.0.200:8080",
      "10.1.0.1:8080",
    ]);
  });

  test("are ordered as asked", () => {
    const rows = (sort: StatusView["sort"]): readonly string[] =>
      rowsOf(linesOf([virtualServerWith(1, 200, 2)], { sort })).slice(0, 3);
    expect(rows("connections")).toEqual(["10.1.0.198:8080", "10.1.0.197:8080", "10.1.0.196:8080"]);
    expect(rows("latency")).toEqual(["10.1.0.8:8080", "10.1.0.58:8080", "10.1.0.108:8080"]);
    expect(rows("name")).toEqual(["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8080"]);
  });

  test("with the bad ones alone are those, and a count", () => {
    const text = linesOf([virtualServerWith(1, 200, 30)], { onlyBad: true });
    expect(rowsOf(text)).toHaveLength(30);
    expect(text).toContain("  … 170 more: 170 healthy");
    expect(linesOf([virtualServerWith(1, 200)], { onlyBad: true })).toEqual(["all is well: the virtual server serves"]);
  });
});

describe("many virtual servers", () => {
  const many = Array.from({ length: 60 }, (_, at) => virtualServerWith(at, 3, at === 40 ? 1 : at === 50 ? 3 : 0));

  test("are a line each, the worst first, and below them why", () => {
    const text = linesOf(many);
    expect(text.length).toBeLessThanOrEqual(40);
    expect(text.slice(0, 9)).toEqual(
      [
        "60 virtual servers: 1 nobody · 1 degraded · 58 serving",
        "",
        "10.96.50.1:80  nobody · 0 of 3 in service · 3 failed",
        "    10.50.0.1:8080  failed for 1m: connect refused",
        "    10.50.0.2:8080  failed for 1m: connect refused",
        "    10.50.0.3:8080  failed for 1m: connect refused",
        "10.96.40.1:80  degraded · 2 of 3 in service · 1 failed",
        "    10.40.0.3:8080  failed for 1m: connect refused",
        "10.96.0.1:80   serving · 3 of 3 in service",
      ].map((line, at) => (at === 8 ? expect.stringMatching(/^10\.96\.0\.1:80 +serving · 3 of 3 in service$/) : line)),
    );
    expect(text.at(-1)).toBe("… 44 more without trouble (--all shows them)");
  });

  test.each([1, 20, 200])("of which %d are troubled are no more than 40 lines", (troubled) => {
    const all = Array.from({ length: 200 }, (_, at) => virtualServerWith(at, 10, at < troubled ? 5 : 0));
    const text = linesOf(all, { width: 80 });
    expect(text.length).toBeLessThanOrEqual(40);
    expect(text.filter((line) => Bun.stringWidth(line) > 80)).toEqual([]);
  });

  test("whose way is lost, or whose host lacks something, come before those that are well", () => {
    const lost: VirtualServerStatus = {
      ...virtualServerWith(9, 3),
      way: { answers: false, since: "x", at: "x", latencyMs: 2000, problem: "nobody there" },
    };
    expect(linesOf([...many, lost])).toContain(
      "10.96.9.1:80   degraded · 3 of 3 in service · NO ANSWER through the virtual address",
    );
  });

  test("are whole for who asks, and where they are few", () => {
    expect(rowsOf(linesOf(many, { all: true }))).toHaveLength(180);
    expect(rowsOf(linesOf(many.slice(38, 42)))).toHaveLength(12);
  });
});

test("a filter leaves what has all of its words", () => {
  const named = { ...virtualServerWith(1, 3, 1), name: "web" };
  const view = { filter: "10.1.0 REFUSED" };
  expect(rowsOf(linesOf([named, virtualServerWith(2, 3)], view))).toEqual(["10.1.0.3:8080"]);
  expect(rowsOf(linesOf([named, virtualServerWith(2, 3)], { filter: "web" }))).toHaveLength(3);
  expect(linesOf([named], { filter: "nowhere" })).toEqual(["nothing has nowhere"]);
});

test("what changed long ago is not told again", () => {
  const lastTransition = { at: "2026-11-24T02:00:00Z", from: "draining", to: "healthy", reason: "status 200" } as const;
  const status = { ...virtualServerWith(1, 1), realServers: [{ ...healthyServer(1, 0), lastTransition }] };
  expect(linesOf([status]).join("\n")).not.toContain("LAST CHANGE");
});

test("wide tells whose host it is and what is checked", () => {
  const { daemon, ...status } = virtualServerWith(1, 3);
  const checked = {
    probe: ["type: http", "path: /healthz"],
    fall: 3,
    rise: 1,
    fastIntervalMs: 1000,
    downIntervalMs: 5000,
  };
  const told = [{ ...status, ...(daemon && { daemon: { ...daemon, host: "node-1", checked } }) }];
  const text = linesOf(told, { wide: true });
  expect(text).toContain("  host        node-1");
  expect(text).toContain(
    "  checked     type: http, path: /healthz; out after 3 failed, in after 1 passed; every 5s, 1s in doubt",
  );
  expect(linesOf(told).join("\n")).not.toContain("node-1");
});

// --- internal ---

function linesOf(virtualServers: readonly VirtualServerStatus[], view: Partial<StatusView> = {}): readonly string[] {
  const text = renderStatus(reportOf(virtualServers), { now: NOW, width: 120, paint, ...view });
  return text.trimEnd().split("\n");
}

/** The addresses in the tables. */
function rowsOf(lines: readonly string[]): readonly string[] {
  const rows = lines.filter((line) => /^ {2}\S+ +(?:healthy|removed) /.test(line));
  return rows.map((line) => line.trim().split(/\s+/)[0] ?? "");
}
