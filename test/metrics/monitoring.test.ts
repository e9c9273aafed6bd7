import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FAMILIES, SUBJECT_LABELS, type Subject } from "../../src/metrics/families.ts";
import { runProgram } from "../cli/run-program.ts";
import { installMissingPackages } from "../kernel/harness/packages.ts";
import { runCommand } from "../kernel/harness/run-command.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { Alertmanager } from "./support/alertmanager.ts";

setDefaultTimeout(120_000);

const MONITORING = resolve(import.meta.dir, "../../monitoring");
const read = (file: string): Promise<string> => Bun.file(join(MONITORING, file)).text();

beforeAll(
  () =>
    installMissingPackages([
      { name: "prometheus", file: "/usr/bin/promtool" },
      { name: "prometheus-alertmanager", file: "/usr/bin/amtool" },
    ]),
  300_000,
);

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

  test.each(["prometheus-kubernetes.yaml", "prometheus-kubernetes-nodes.yaml"])(
    "of a cluster (%s) are so, too, but for finding what there is, of which Debian's Prometheus knows nothing",
    async (file) => {
      const config = Bun.YAML.parse(await read(file)) as { scrape_configs: ScrapeConfig[] };
      await withConfig({ ...config, rule_files: [join(MONITORING, "alerts.yaml")] }, [], (path) =>
        promtool("check", "config", path),
      );
    },
  );

  test("of a cluster find the daemon of each DaemonSet once, whatever its name, and call it as the alerts do", async () => {
    const pods = await Promise.all(
      [
        ["lvscare", 9105],
        ["web", 9106],
      ].map(([name, port]) =>
        foundPod(`--vs 10.30.0.1:80 --rs 10.0.0.1:80 --name ${name} --http-listen 0.0.0.0:${port}`),
      ),
    );
    const other = { __address__: "10.0.0.9:9100", __meta_kubernetes_pod_container_port_name: "metrics" };
    const config = Bun.YAML.parse(await read("prometheus-kubernetes.yaml")) as { scrape_configs: ScrapeConfig[] };
    const found = await withConfig({ ...config, rule_files: [] }, [...pods, other], (path) =>
      promtool("check", "service-discovery", "--timeout=1s", path, "lvscare"),
    );
    // What is dropped is left without labels.
    const kept = (JSON.parse(found) as { labels: Readonly<Record<string, string>> }[]).flatMap(({ labels }) => {
      const { __address__: address, job, instance } = labels;
      return address === undefined ? [] : [[address, job, instance].join(" ")];
    });
    expect(kept.toSorted()).toEqual(["10.0.0.5:9105 lvscare node-1:9105", "10.0.0.5:9106 lvscare node-1:9106"]);
  });

  test("of the operator are as the program prints them, and call the job as the alerts do", async () => {
    const flags = "--vs 10.30.0.1:80 --rs 10.0.0.1:80 --http-listen 0.0.0.0:9105 --pod-monitor";
    const { stdout } = await runProgram(["daemonset", ...flags.split(" ")]);
    const printed = Bun.YAML.parse(stdout) as Printed[];
    expect(printed).toContainEqual(Bun.YAML.parse(await read("pod-monitor.yaml")) as Printed);
    // The job is the value of this label.
    const label = printed.find(({ kind }) => kind === "PodMonitor")?.spec.jobLabel ?? "";
    const labels = printed.find(({ kind }) => kind === "DaemonSet")?.spec.template?.metadata.labels;
    expect(labels?.[label]).toBe("lvscare");
  });
});

describe("Alertmanager", () => {
  test("takes its configuration, which the page shows, too", async () => {
    const file = join(MONITORING, "alertmanager.yaml");
    await runCommand(["amtool", "check-config", file], { timeoutMs: 30_000 });
    const page = await Bun.file(resolve(MONITORING, "../docs/metrics.md")).text();
    const [, shown = ""] = /```yaml\n(inhibit_rules:\n[^]*?)```/.exec(page) ?? [];
    const { inhibit_rules: rules } = Bun.YAML.parse(await read("alertmanager.yaml")) as Record<string, unknown>;
    expect(Bun.YAML.parse(shown)).toEqual({ inhibit_rules: rules as unknown[] });
  });

  test("tells an outage once, and goes on telling what has nothing to do with it", async () => {
    await using manager = await Alertmanager.with(join(MONITORING, "alertmanager.yaml"), "127.77.0.14:18083");
    const of = (virtualServer: string, alertname: string, more: Readonly<Record<string, string>> = {}) => ({
      labels: { alertname, job: "lvscare", protocol: "tcp", virtual_server: virtualServer, ...more },
    });
    const servers = Array.from({ length: 200 }, (_, at) => `10.0.0.${at}:80`);
    const down = (virtualServer: string) =>
      servers.map((server) => of(virtualServer, "LvscareRealServerDown", { real_server: server }));
    const alerts = [
      ...down("most"),
      of("most", "LvscareMostServersDown"),
      ...down("all"),
      of("all", "LvscareMostServersDown"),
      of("all", "LvscareNobodyInService"),
      of("other", "LvscareRealServerDown", { real_server: "10.0.0.1:80" }),
    ];
    await waitFor(
      () => manager.tell(alerts),
      (taken) => taken,
    );
    const told = async (): Promise<readonly string[]> =>
      (await manager.told()).map(({ virtual_server: one, alertname }) => `${one} ${alertname}`).toSorted();
    await waitForEqual(told, [
      "all LvscareNobodyInService",
      "most LvscareMostServersDown",
      "other LvscareRealServerDown",
    ]);
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
  readonly job_name: string;
}

interface Printed {
  readonly kind: string;
  readonly spec: {
    readonly jobLabel?: string;
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly { readonly ports: readonly Port[] }[] };
    };
  };
}

interface Port {
  readonly name: string;
  readonly containerPort: number;
}

/** The pod of a DaemonSet on a node, as Prometheus finds it. */
async function foundPod(flags: string): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await runProgram(["daemonset", ...flags.split(" ")]);
  const template = (Bun.YAML.parse(stdout) as Printed[]).find(({ kind }) => kind === "DaemonSet")?.spec.template;
  const [port] = template?.spec.containers.flatMap(({ ports }) => ports) ?? [];
  const labels = Object.entries(template?.metadata.labels ?? {}).map(
    ([name, value]) => [`__meta_kubernetes_pod_label_${name.replaceAll(/\W/g, "_")}`, value] as const,
  );
  return {
    ...Object.fromEntries(labels),
    __address__: `10.0.0.5:${port?.containerPort}`,
    __meta_kubernetes_pod_node_name: "node-1",
    __meta_kubernetes_pod_container_port_name: port?.name ?? "",
    __meta_kubernetes_pod_container_port_number: String(port?.containerPort),
  };
}

/** A configuration in a file, with these in the place of what a cluster would tell. */
async function withConfig<T>(
  config: { readonly scrape_configs: readonly ScrapeConfig[]; readonly rule_files: readonly string[] },
  found: readonly Readonly<Record<string, string>>[],
  use: (path: string) => Promise<T>,
): Promise<T> {
  const targets = found.map(({ __address__: address, ...labels }) => ({ targets: [address], labels }));
  const jobs = config.scrape_configs.map((one) => ({
    ...one,
    kubernetes_sd_configs: undefined,
    static_configs: targets,
  }));
  const folder = await mkdtemp(join(tmpdir(), "lvscare-scrape-"));
  const path = join(folder, "config.yaml");
  await writeFile(path, JSON.stringify({ ...config, scrape_configs: jobs }));
  try {
    return await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function promtool(...argv: readonly string[]): Promise<string> {
  return runCommand(["promtool", ...argv], { timeoutMs: 30_000 });
}
