import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LVSCARE } from "../cli/run-program.ts";
import { SseReader } from "../control/support/sse-reader.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { Prometheus } from "./support/prometheus.ts";

setDefaultTimeout(120_000);

const VS = "127.77.0.11:18080";
const WEB = "127.77.0.11:18081";

beforeAll(() => installMissingPackages([{ name: "prometheus", file: "/usr/bin/promtool" }]), 300_000);

describe("over HTTP", () => {
  test("metrics, health and status tell of a server's death and return", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lvscare-metrics-"));
    let status = 200;
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status }) });
    const real = `127.0.0.1:${server.port}`;
    const flags = `--vs ${VS} --rs ${real} --data-plane userspace --health-schem http --health-timeout 1m --interval 50ms --last-resort=false --http-listen ${WEB}`;
    const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      stdout: "ignore",
      stderr: "ignore",
    });
    try {
      await waitFor(metrics, (text) => text.includes(`real_server="${real}",state="healthy"} 1`));
      expect(await codeOf("/healthz")).toBe(200);
      // A state is known a moment before it is written.
      await waitFor(
        () => codeOf("/readyz"),
        (code) => code === 200,
      );
      const stream = new SseReader((await fetch(`http://${WEB}/api/v1/stream`)).body ?? new ReadableStream());
      status = 503;
      await waitFor(metrics, (text) => text.includes(`real_server="${real}",state="removed"} 1`));
      // One who asks a lot has what was read up to a second ago.
      await waitFor(
        () => codeOf("/readyz"),
        (code) => code === 503,
      );
      status = 200;
      const text = await waitFor(metrics, (now) => now.includes(`real_server="${real}",state="healthy"} 1`));

      const promtool = Bun.spawn(["promtool", "check", "metrics"], {
        stdin: Buffer.from(text),
        stdout: "pipe",
        stderr: "pipe",
      });
      expect([await promtool.exited, await promtool.stdout.text(), await promtool.stderr.text()]).toEqual([0, "", ""]);
      for (const to of ["healthy", "draining", "removed"]) {
        expect(
          valueOf(
            text,
            `lvscare_transitions_total{virtual_server="${VS}",protocol="tcp",real_server="${real}",to="${to}"}`,
          ),
        ).toBeGreaterThan(0);
      }
      expect(
        valueOf(text, `lvscare_out_of_rotation_duration_seconds_count{virtual_server="${VS}",protocol="tcp"}`),
      ).toBe(1);
      expect(
        valueOf(
          text,
          `lvscare_checks_total{virtual_server="${VS}",protocol="tcp",real_server="${real}",result="failed"}`,
        ),
      ).toBeGreaterThan(1);

      const figures = ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"];
      for (const name of figures) expect([name, valueOf(text, `process_${name}`)]).toEqual([name, expect.any(Number)]);
      expect(valueOf(text, "process_open_fds")).toBeWithin(3, readdirSync(`/proc/${care.pid}/fd`).length + 4);
      expect(Math.abs(valueOf(text, "process_start_time_seconds") - Date.now() / 1000)).toBeLessThan(120);
      const ofReal = `{virtual_server="${VS}",protocol="tcp",real_server="${real}"}`;
      const checkedAt = valueOf(text, `lvscare_real_server_last_check_timestamp_seconds${ofReal}`);
      expect(Math.abs(checkedAt - Date.now() / 1000)).toBeLessThan(120);
      expect(valueOf(text, `lvscare_real_server_last_check_duration_seconds${ofReal}`)).toBeWithin(0, 60);

      expect(valueOf(text, "lvscare_event_loop_lag_seconds")).toBeWithin(0, 60);
      expect(
        valueOf(text, `lvscare_real_server_drained{virtual_server="${VS}",protocol="tcp",real_server="${real}"}`),
      ).toBe(0);

      // What Prometheus asks for, and what one gets who asks for nothing.
      expect(await formatOf({ accept: PROMETHEUS, "accept-encoding": "gzip" })).toEqual([OPENMETRICS, "gzip", "# EOF"]);
      expect(await formatOf({ accept: PROMETHEUS, "accept-encoding": "gzip;q=0, br" })).toEqual([
        OPENMETRICS,
        null,
        "# EOF",
      ]);
      const preferred = "application/openmetrics-text;q=0.4, text/plain;version=0.0.4";
      for (const accept of ["*/*", "text/plain", preferred, "application/openmetrics-text;version=0.0.1"])
        expect([accept, ...(await formatOf({ accept }))]).toEqual([
          accept,
          TEXT,
          null,
          expect.not.stringContaining("#"),
        ]);
      await using prometheus = await Prometheus.scraping(WEB, "127.77.0.13:18082");
      await waitForEqual(() => prometheus.valueOf("up"), "1");
      await waitForEqual(
        () => prometheus.valueOf(`lvscare_condition{condition="serving",virtual_server="${VS}"}`),
        "1",
      );

      const report = (await (await fetch(`http://${WEB}/api/v1/status`)).json()) as { address: string };
      expect(report.address).toBe(VS);
      const events = (await (await fetch(`http://${WEB}/api/v1/events`)).json()) as { events: { message: string }[] };
      expect(events.events.map(({ message }) => message)).toContain(
        `real server ${real} healthy → draining: status 503`,
      );
      let heard = await stream.next("event");
      while (!JSON.stringify(heard?.data).includes("healthy → draining: status 503"))
        heard = await stream.next("event");
      expect(await (await fetch(`http://${WEB}/`)).text()).toStartWith("<!doctype html>");
      expect(await codeOf("/etc/passwd")).toBe(404);
      expect(await codeOf("/metrics", "POST")).toBe(405);

      // Somebody who still listens does not keep it from ending.
      care.kill();
      expect(await care.exited).toBe(0);
    } finally {
      care.kill();
      await care.exited;
      await server.stop(true);
      await rm(folder, { recursive: true });
    }
  });

  test("an address that cannot be had ends the start, with what to do", async () => {
    // As another daemon has it, or whoever lets others in.
    const taken = Bun.serve({ hostname: "127.77.0.12", port: 18_081, reusePort: true, fetch: () => new Response() });
    const flags = "--vs 127.77.0.12:18080 --rs 127.0.0.1:1 --data-plane userspace --http-listen 127.77.0.12:18081";
    const care = Bun.spawn([...LVSCARE, "care", ...flags.split(" ")], { stdout: "ignore", stderr: "pipe" });
    expect([await care.exited, await care.stderr.text()]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `listen at 127.77.0.12:18081: pid ${process.pid} \\([\\w.]+\\) listens there already \\(give another address as http-listen\\)`,
        ),
      ),
    ]);
    await taken.stop(true);
  });
});

// --- internal ---

const TEXT = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** As Prometheus sends it. */
const PROMETHEUS =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/** The type of the metrics, their coding, and their last line. */
async function formatOf(headers: Readonly<Record<string, string>>): Promise<readonly unknown[]> {
  const { body, headers: fields } = await fetch(`http://${WEB}/metrics`, {
    headers: { "accept-encoding": "identity", ...headers },
    decompress: false,
  });
  const packed = await new Response(body).arrayBuffer();
  const coding = fields.get("content-encoding");
  const text = new TextDecoder().decode(coding === "gzip" ? Bun.gunzipSync(packed) : packed);
  return [fields.get("content-type"), coding, text.trimEnd().split("\n").at(-1)];
}

async function metrics(): Promise<string> {
  return fetch(`http://${WEB}/metrics`).then(
    (response) => response.text(),
    () => "",
  );
}

async function codeOf(path: string, method = "GET"): Promise<number> {
  return (await fetch(`http://${WEB}${path}`, { method })).status;
}

function valueOf(text: string, sample: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  return Number(line?.slice(sample.length));
}
