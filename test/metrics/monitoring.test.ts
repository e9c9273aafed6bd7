import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FAMILIES, SUBJECT_LABELS, type Subject } from "../../src/metrics/families.ts";
import { runProgram } from "../cli/run-program.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { runCommand } from "../kernel/harness/run-command.ts";

setDefaultTimeout(60_000);

const MONITORING = resolve(import.meta.dir, "../../monitoring");
const read = (file: string): Promise<string> => Bun.file(join(MONITORING, file)).text();

beforeAll(() => installMissingPackages([{ name: "prometheus", file: "/usr/bin/promtool" }]), 300_000);

describe("alert rules", () => {
  test("are what Prometheus takes, and alert when they should", async () => {
    await promtool("check", "rules", join(MONITORING, "alerts.yaml"));
    await promtool("test", "rules", join(MONITORING, "alerts.test.yaml"));
  });

  test("each have a case in which they alert, and say what is wrong and where to read on", async () => {
    const { groups } = Bun.YAML.parse(await read("alerts.yaml")) as { groups: { rules: Rule[] }[] };
    const { tests } = Bun.YAML.parse(await read("alerts.test.yaml")) as { tests: { alert_rule_test: Case[] }[] };
    const tried = tests
      .flatMap((one) => one.alert_rule_test)
      .filter(({ exp_alerts }) => exp_alerts.length > 0)
      .map(({ alertname }) => alertname);
    const page = await Bun.file(resolve(MONITORING, "../docs/troubleshooting.md")).text();
    for (const { alert, annotations, labels } of groups.flatMap(({ rules }) => rules)) {
      expect(tried).toContain(alert);
      expect(annotations).toEqual({
        summary: expect.any(String) as string,
        description: expect.any(String) as string,
        runbook_url: `docs/troubleshooting.md#${alert.toLowerCase()}`,
      });
      expect(page).toContain(`\n### ${alert}\n`);
      expect(["critical", "warning"]).toContain(labels["severity"] ?? "");
    }
  });
});

test("the cases of the alerts are made of series as a daemon tells them", async () => {
  const labels = new Map<string, readonly string[]>(
    Object.entries(FAMILIES).flatMap(([of, families]) =>
      families.map((family) => [family.name, [...SUBJECT_LABELS[of as Subject], ...family.labels]] as const),
    ),
  );
  const text = await read("alerts.test.yaml");
  const series = [...text.matchAll(/series: (\w+)\{(.*)\}/g)].filter(([, name]) => name !== "up");
  expect(series.length).toBeGreaterThan(30);
  for (const [whole, name = "", given = ""] of series) {
    const own = Array.from(given.matchAll(/(\w+)=/g), ([, label = ""]) => label).filter((one) => !ADDED.includes(one));
    expect([whole, own.toSorted()]).toEqual([whole, labels.get(name)?.toSorted() ?? []]);
  }
});

test("alerts, their tests and the dashboard speak of metrics that there are", async () => {
  const known = Object.values(FAMILIES).flatMap((families) => families.map(({ name }): string => name));
  for (const file of ["alerts.yaml", "alerts.test.yaml", "dashboard.json"]) {
    const named = [...(await read(file)).matchAll(/\b(?:lvscare|process)_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(bucket|count|sum)$/, ""),
    );
    expect(named.length).toBeGreaterThan(10);
    expect([...new Set(named)].filter((name) => !known.includes(name))).toEqual([]);
  }
});

describe("the dashboard", () => {
  test("asks for what Prometheus can answer", async () => {
    const { panels, annotations } = JSON.parse(await read("dashboard.json")) as Dashboard;
    const all = [...panels.flatMap(({ targets = [] }) => targets), ...annotations.list];
    expect(annotations.list.length).toBeGreaterThan(0);
    const rules = all.map(({ expr }, at) => ({ record: `asked:${at}`, expr }));
    const folder = await mkdtemp(join(tmpdir(), "lvscare-dashboard-"));
    await writeFile(join(folder, "rules.yaml"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    await promtool("check", "rules", join(folder, "rules.yaml"));
    await rm(folder, { recursive: true });
  });

  test("says of each panel what it shows, and has none over another", async () => {
    const { panels } = JSON.parse(await read("dashboard.json")) as Dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, title, description = "" } of panels)
      expect([title, type === "row" || description.length > 20]).toEqual([title, true]);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});

describe("configurations for Prometheus", () => {
  test("of a list of hosts are what Prometheus takes", async () => {
    await promtool("check", "config", join(MONITORING, "prometheus-static.yaml"));
  });

  test("of a cluster are so, too, but for finding the nodes, of which Debian's Prometheus knows nothing", async () => {
    const config = Bun.YAML.parse(await read("prometheus-kubernetes.yaml")) as { scrape_configs: ScrapeConfig[] };
    const roles = config.scrape_configs.map(({ kubernetes_sd_configs: found }) => found.map(({ role }) => role));
    expect(roles).toEqual([["pod"], ["node"]]);
    const others = config.scrape_configs.map((one) => ({ ...one, kubernetes_sd_configs: undefined }));
    const folder = await mkdtemp(join(tmpdir(), "lvscare-scrape-"));
    const rules = [join(MONITORING, "alerts.yaml")];
    await writeFile(
      join(folder, "config.yaml"),
      JSON.stringify({ ...config, rule_files: rules, scrape_configs: others }),
    );
    await promtool("check", "config", join(folder, "config.yaml"));
    await rm(folder, { recursive: true });
  });

  test("of the operator are as the program prints them", async () => {
    const flags = "--vs 10.30.0.1:80 --rs 10.0.0.1:80 --http-listen 0.0.0.0:9105 --pod-monitor";
    const { stdout } = await runProgram(["daemonset", ...flags.split(" ")]);
    const printed = Bun.YAML.parse(stdout) as unknown[];
    expect(printed).toContainEqual(Bun.YAML.parse(await read("pod-monitor.yaml")));
    // What the other configuration goes by.
    const text = await read("prometheus-kubernetes.yaml");
    expect(text).toContain("regex: lvscare;metrics\n");
    expect(stdout).toContain("name: metrics\n");
    expect(stdout).toContain("app.kubernetes.io/name: lvscare\n");
  });
});

// --- internal ---

/** Labels that Prometheus adds. */
const ADDED = ["job", "instance"];

interface Rule {
  readonly alert: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

interface Case {
  readonly alertname: string;
  readonly exp_alerts: readonly unknown[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly description?: string;
    readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

interface ScrapeConfig {
  readonly kubernetes_sd_configs: readonly { readonly role: string }[];
}

async function promtool(...argv: readonly string[]): Promise<void> {
  await runCommand(["promtool", ...argv], { timeoutMs: 30_000 });
}
