import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventRecord } from "../../src/domain/event-record.ts";
import { formatEndpoint } from "../../src/domain/endpoint.ts";
import type { DoctorReport } from "../../src/domain/finding.ts";
import type { CheckReport } from "../../src/domain/operator.ts";
import type { StatusReport, VirtualServerStatus } from "../../src/domain/status.ts";
import { ALIVE } from "../cli/care-program.ts";
import { LVSCARE, runProgram } from "../cli/run-program.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { certificateAuthority } from "../probe/http/support/certificates.ts";
import { answering } from "../probe/http/support/raw-server.ts";

setDefaultTimeout(120_000);

const DAY_MS = 86_400_000;

test("a certificate that ends soon is told of once, whoever shows it to whom, and again when its end is nearer; status and metrics have all of them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lvscare-certificates-"));
  const environment = { XDG_RUNTIME_DIR: folder, PATH: process.env["PATH"] ?? "" };
  const [first, second, web] = ["127.77.12.1:18090", "127.77.12.2:18090", "127.77.12.3:18091"] as const;
  const authority = certificateAuthority("cluster authority");
  const [soon, late, over] = [6, 300, -1].map((days) => authority.issue(["127.0.0.1", "api.test"], days, 60));
  if (soon === undefined || late === undefined || over === undefined) throw new Error("no certificate");
  using one = answering(ALIVE, { tls: soon });
  const other = answering(ALIVE, { tls: soon });
  using asked = answering(ALIVE, { tls: late });
  const { port } = other.endpoint;
  const [a, b, c] = [one, other, asked].map(({ endpoint }) => formatEndpoint(endpoint));
  const file = join(folder, "lvscare.yaml");
  const text = [
    "version: 1",
    `http-listen: ${web}`,
    "defaults: {data-plane: userspace, mode: none, interval: 100ms, probe: {type: http, scheme: https, fresh-connection: true}}",
    "virtual-servers:",
    `  - {name: api, address: "${first}", real-servers: ["${a}", "${b}"]}`,
    `  - {name: web, address: "${second}", real-servers: ["${a}"], probe: {type: tls, port: ${asked.endpoint.port}}}`,
  ];
  await Bun.write(file, text.join("\n"));
  await using daemon = Bun.spawn([...LVSCARE, "care", "--config", file], {
    env: environment,
    stdout: "ignore",
    stderr: "pipe",
  });
  const log = daemon.stderr.text();
  const statuses = async (): Promise<readonly VirtualServerStatus[]> => {
    const { stdout } = await runProgram(["status", "-o", "json"], environment);
    const report = JSON.parse(stdout) as StatusReport;
    return report.virtualServers.filter(({ address }) => address === first || address === second);
  };
  const told = async (): Promise<readonly EventRecord[]> => {
    const { stdout } = await runProgram(["events", "-o", "json"], environment);
    const events = stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as EventRecord);
    return events.filter(({ type }) => type === "certificate.expiring");
  };

  const known = await waitFor(statuses, (now) => {
    const all = now.flatMap(({ realServers }) => realServers);
    return all.length === 3 && all.every(({ certificate }) => certificate !== undefined);
  });
  const [api, tls] = known;
  const names = ["127.0.0.1", "api.test"];
  const facts = { subject: "test server", issuer: "cluster authority", names };
  expect(api?.realServers.map(({ certificate }) => certificate)).toEqual([
    expect.objectContaining(facts),
    expect.objectContaining(facts),
  ]);
  const [shown] = api?.realServers ?? [];
  expect(shown?.lastVerdict).not.toHaveProperty("certificate");
  const endsAtMs = Date.parse(shown?.certificate?.notAfter ?? "");
  expect(Math.round((endsAtMs - Date.now()) / DAY_MS)).toBe(6);
  // Whoever was asked is not the real server.
  expect(tls?.realServers[0]?.certificate).toMatchObject({ shownBy: c });
  expect(shown?.certificate).not.toHaveProperty("shownBy");

  const metrics = await (await fetch(`http://${web}/metrics`)).text();
  const sample = `lvscare_certificate_not_after_seconds{virtual_server="${first}",protocol="tcp",real_server="${a}"}`;
  expect(metrics).toContain(`\n${sample} ${endsAtMs / 1000}\n`);
  const plain = await runProgram(["status", "--vs", "api"], environment);
  expect(plain.stdout).toMatch(
    /CERTIFICATE\n.* 5 days left, until [\d-]{10}; by cluster authority, for 127\.0\.0\.1, api\.test\n/,
  );
  // 299 days are no news.
  expect((await runProgram(["status", "--vs", "web"], environment)).stdout).not.toContain("CERTIFICATE");
  expect((await runProgram(["status", "--vs", "web", "-o", "wide"], environment)).stdout).toContain(
    `, shown by ${c}\n`,
  );
  // Whoever connects to the virtual address does not find it there; of the other one nobody has seen it.
  const doctor = await runProgram(["doctor", "--vs", `${first},${second}`, "-o", "json"], environment);
  const { findings } = JSON.parse(doctor.stdout) as DoctorReport;
  expect(findings.filter(({ check }) => check === "certificate")).toEqual(
    [a, b].map((realServer) => ({
      state: "note",
      check: "certificate",
      message:
        "clients that connect to 127.77.12.1 refuse the certificate that checks see: it is valid for 127.0.0.1, api.test",
      remedy: expect.stringContaining("certSANs"),
      virtualServer: `tcp ${first}`,
      realServer: String(realServer),
    })),
  );
  const check = await runProgram(["check", String(b), "--vs", "api", "-o", "json"], environment);
  expect((JSON.parse(check.stdout) as CheckReport).verdict).not.toHaveProperty("certificate");

  expect((await told()).map(({ server }) => [a, b].includes(server))).toEqual([true]);
  other[Symbol.dispose]();
  using _ = answering(ALIVE, { tls: over, port });
  const events = await waitFor(told, (now) => now.length > 1);
  expect(events.map(({ level }) => level)).toEqual(["warn", "warn"]);
  expect(events[0]?.message).toMatch(
    /^the certificate that 127\.0\.0\.1:\d+ shows \(test server, by cluster authority\) expires in less than 7 days: /,
  );
  expect(events[1]).toMatchObject({ server: b, message: expect.stringContaining(" has expired: ") });

  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
  expect((await log).match(/WARN.* the certificate that /g)).toHaveLength(2);
  await rm(folder, { recursive: true });
});
