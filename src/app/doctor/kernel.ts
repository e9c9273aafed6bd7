import { release } from "node:os";
import type { DataPlane } from "../../dataplane/data-plane.ts";
import { describeError, LvscareError } from "../../domain/errors.ts";
import { note, ok, problem, unknown, type Finding } from "../../domain/finding.ts";
import { SCHEDULERS, type VirtualServer } from "../../domain/virtual-server.ts";
import { parseVersion } from "../../reach/kernel-version.ts";
import { readText } from "./read-text.ts";

export interface KernelReadings {
  /** `6.1.0-56-amd64` */
  readonly release: string;
  /** How IPVS is reached. */
  readonly via: string;
  /** The result of making and deleting a virtual server with each wanted scheduler; undefined for a success. */
  readonly rehearsals: ReadonlyMap<string, LvscareError | undefined>;
  readonly modules: SchedulerModules;
  /** No virtual server needs the kernel's IPVS: their daemons move the packets themselves. */
  readonly isSpared: boolean;
}

export interface SchedulerModules {
  readonly loaded: readonly string[];
  /** Those that the running kernel could load; undefined when its list of modules is not here. */
  readonly available: readonly string[] | undefined;
}

/** Whether this kernel can balance at all, and by the wanted schedulers. */
export function judgeKernel({ release: version, via, rehearsals, modules, isSpared }: KernelReadings): Finding[] {
  const findings = [judgeVersion(version)];
  const failures = [...rehearsals.values()].filter((error) => error !== undefined);
  const general = failures.find(({ code }) => code !== "SCHEDULER_MISSING");
  if (general !== undefined) return [...findings, judgeRefusal(general, isSpared)];
  findings.push(ok("ipvs", `the kernel has IPVS (through ${via}), proven by a throw-away virtual server`));
  for (const [scheduler, error] of rehearsals) findings.push(judgeScheduler(scheduler, error));
  findings.push(judgeModules(modules, [...rehearsals.keys()]));
  return findings;
}

/** Rehearses with a virtual server for each scheduler, as a daemon does at its start. */
export async function readKernel(
  dataPlane: Pick<DataPlane, "preflight" | "via">,
  services: readonly VirtualServer[],
  isSpared: boolean,
): Promise<KernelReadings> {
  const rehearsals = new Map<string, LvscareError | undefined>();
  // Of many virtual servers that differ in nothing that matters here, one will do.
  const kinds = new Map(services.map((service) => [`${service.scheduler} ${service.endpoint.family}`, service]));
  for (const service of kinds.values()) {
    const { scheduler } = service;
    rehearsals.set(scheduler, rehearsals.get(scheduler) ?? (await rehearse(dataPlane, service)));
  }
  const version = release();
  return { release: version, via: dataPlane.via, rehearsals, modules: readModules(version), isSpared };
}

/** Names of schedulers, out of `/proc/modules`, `modules.dep` and `modules.builtin`. */
export function schedulerModules(list: string): readonly string[] {
  const names = [...list.matchAll(/(?:^|\/)ip_vs_(\w+?)(?:\.ko[\w.]*:?)?(?=[\s:]|$)/gm)].map(([, name = ""]) => name);
  return SCHEDULERS.filter((scheduler) => names.includes(scheduler));
}

// --- internal ---

/** From here on a client's port that is used again is no trouble. */
const FIRST_GOOD = "5.9";

function judgeVersion(version: string): Finding {
  if (parseVersion(version) >= parseVersion(FIRST_GOOD)) return ok("kernel", `Linux ${version}`);
  return note(
    "kernel",
    `Linux ${version}: before ${FIRST_GOOD}, a client that uses a port again may wait for a second or end at a server that is gone`,
    `update the distribution's kernel package to ${FIRST_GOOD} or later and reboot; \`uname -r\` shows what runs`,
  );
}

function judgeRefusal(error: LvscareError, isSpared: boolean): Finding {
  if (error.code === "NOT_PERMITTED") {
    return unknown("ipvs", "this process may not look at IPVS; run `sudo lvscare doctor`");
  }
  const remedy = error.remedy ?? "look at the kernel's log: `dmesg | tail`";
  if (!isSpared) return problem("ipvs", error.message, remedy);
  return note("ipvs", `${error.message}; the userspace data plane, in use here, does without, but is slower`, remedy);
}

function judgeScheduler(scheduler: string, error: LvscareError | undefined): Finding {
  if (error === undefined) return ok("scheduler", `${scheduler} works`);
  return problem("scheduler", error.message, error.remedy ?? `run \`modprobe ip_vs_${scheduler}\``);
}

function judgeModules({ loaded, available }: SchedulerModules, wanted: readonly string[]): Finding {
  if (available === undefined) {
    const have = loaded.length === 0 ? "" : ` (loaded: ${loaded.join(", ")})`;
    return unknown(
      "schedulers",
      `what others could be loaded is not known: the list of kernel modules is not here${have}`,
    );
  }
  const others = SCHEDULERS.filter((one) => !wanted.includes(one) && (loaded.includes(one) || available.includes(one)));
  return ok("schedulers", others.length === 0 ? "there are no others" : `others that there are: ${others.join(", ")}`);
}

async function rehearse(
  dataPlane: Pick<DataPlane, "preflight">,
  service: VirtualServer,
): Promise<LvscareError | undefined> {
  try {
    await dataPlane.preflight(service);
    return undefined;
  } catch (error) {
    if (error instanceof LvscareError) return error;
    return new LvscareError("KERNEL_REFUSED", describeError(error), { cause: error });
  }
}

function readModules(version: string): SchedulerModules {
  const lists = ["modules.dep", "modules.builtin"].map((name) => readText(`/lib/modules/${version}/${name}`));
  return {
    loaded: schedulerModules(readText("/proc/modules") ?? ""),
    available: lists[0] === undefined ? undefined : schedulerModules(lists.join("\n")),
  };
}
