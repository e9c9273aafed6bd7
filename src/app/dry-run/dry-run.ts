import { resolve } from "node:path";
import type { CareConfig, CareOptions, ReachOptions, VirtualServerOptions } from "../../config/care-options.ts";
import { openIpvs } from "../../dataplane/ipvs/ipvs-plane.ts";
import { isIpvsLoaded } from "../../dataplane/ipvs/outlook.ts";
import type { DryRun, DryRunPlan, DryRunStep } from "../../domain/dry-run.ts";
import { throwFailures } from "../../domain/errors.ts";
import { describeHeld } from "../../domain/hold.ts";
import type { Logger } from "../../domain/logger.ts";
import type { VirtualServerStatus } from "../../domain/status.ts";
import { formatServiceKey, type ServiceKey } from "../../domain/virtual-server.ts";
import { keyOf } from "../../domain/virtual-server-name.ts";
import { foresee, type HostObject } from "../../reach/host-object.ts";
import { hasLoopbackAddress } from "../../reach/loopback-address.ts";
import { about, fullName } from "../about.ts";
import { CaredFile } from "../cared-file.ts";
import { isAddressCaredFor, otherCaretakers } from "../claim.ts";
import { askForStatus, daemonFolder, listDaemons } from "../daemon-sockets.ts";
import { withKnownMembers } from "../discovering.ts";
import { HoldFile } from "../hold-file.ts";
import { describeNesting } from "../nesting.ts";
import { planReach, ReachHost, reachToRemove, reachToRetire } from "../reach.ts";
import { refuseProxyOnce } from "../run-once.ts";
import { look, lookAgain, observedBy, readKernel, serviceOf } from "./sight.ts";
import { cleanSteps, dataPlaneSteps, goingSteps, reachSteps, type SeenObject } from "./steps.ts";

export interface DryRunRequest extends Pick<CareOptions, "runOnce" | "clean"> {
  /** Where the configuration was read from; undefined for flags and for standard input. */
  readonly file: string | undefined;
  /** It comes from standard input, which no daemon reads: it is what the file of a running one may become. */
  readonly isDraft?: boolean;
}

/**
 * What caring for this configuration, setting it up once or cleaning up after it would do on this host now. Looks at
 * the kernel, the host and the daemons on it, and changes nothing. Rejects with every reason why it cannot be done.
 */
export async function dryRun(
  written: CareConfig,
  { file, isDraft = false, runOnce, clean }: DryRunRequest,
): Promise<DryRun> {
  const virtualServers = withKnownMembers(written.virtualServers, written.cacheDirectory);
  const config = { ...written, virtualServers };
  const daemons = await findDaemons(file, isDraft, config);
  const plans: DryRunPlan[] = [];
  const failures: unknown[] = [];
  const told = new Set<string>();
  // Nothing that is seen becomes old: nothing is changed.
  const host = new ReachHost(() => 0);
  const caretakers = otherCaretakers(config.virtualServers.map(({ service }) => service));
  const gone: ServiceKey[] = [];
  for (const options of config.virtualServers) {
    try {
      const caretaker = caretakers.get(formatServiceKey(options.service));
      plans.push(
        clean
          ? caretaker !== undefined && (file !== undefined || isDraft)
            ? leave(options, caretaker)
            : await planCleaning(options, caretaker, gone)
          : await planCare(options, { ...daemons, caretaker, host }, runOnce, told),
      );
    } catch (error) {
      failures.push(config.virtualServers.length === 1 ? error : about(options, error));
    }
  }
  throwFailures(failures);
  const kept = new Set(config.virtualServers.map(({ service }) => formatServiceKey(service)));
  const going = runOnce || clean ? [] : daemons.ofFile.filter((status) => !kept.has(keyOf(status)));
  for (const status of going) plans.push(await planGoing(status, gone));
  const isStart = !runOnce && !clean && file !== undefined && !isDraft && daemons.ofFile.length === 0;
  const orphans = isStart
    ? await new CaredFile(daemonFolder(), resolve(file), () => 0).orphans(config.virtualServers, collecting([]))
    : [];
  for (const options of orphans) {
    const plan = await planOrphan(options, gone);
    if (plan.steps.length > 0) plans.push(plan);
  }
  return { plans, warnings: daemons.complaints };
}

// --- internal ---

interface Daemons {
  /** What they say of their virtual servers, by `formatServiceKey`. */
  readonly statuses: ReadonlyMap<string, VirtualServerStatus>;
  /** Of the daemon that has this very configuration file. */
  readonly ofFile: readonly VirtualServerStatus[];
  readonly complaints: readonly string[];
}

/**
 * `file`: where the configuration was read from. A draft is compared with the daemon that has a file and cares for any
 * of its virtual servers: such a daemon takes over its own file as soon as that changes.
 */
async function findDaemons(
  file: string | undefined,
  isDraft: boolean,
  { virtualServers }: CareConfig,
): Promise<Daemons> {
  const { told, complaints } = await askForStatus();
  const withFile = (await listDaemons({ mayHaveFile: true })).daemons.filter(
    ({ listing }) => listing.configFile !== undefined,
  );
  const wanted = new Set(virtualServers.map(({ service }) => formatServiceKey(service)));
  const isMeant = (socket: string): boolean =>
    told.some((one) => one.socket === socket && wanted.has(keyOf(one.answer)));
  const ownFile = withFile.find(({ listing }) => file !== undefined && listing.configFile === resolve(file));
  const meant = ownFile ?? (isDraft ? withFile.find(({ socket }) => isMeant(socket)) : undefined);
  const asIf =
    meant === undefined || meant === ownFile ? [] : [`told as if ${meant.listing.configFile} said this, by its daemon`];
  return {
    statuses: new Map(told.map(({ answer }) => [keyOf(answer), answer])),
    ofFile: told.filter(({ socket }) => socket === meant?.socket).map(({ answer }) => answer),
    complaints: [...complaints, ...asIf],
  };
}

/** `told`: objects of the host that another virtual server needs, too, and doubts, that were told of with it. */
async function planCare(
  options: VirtualServerOptions,
  { statuses, ofFile, caretaker, host }: Daemons & { readonly caretaker: string | undefined; readonly host: ReachHost },
  runOnce: boolean,
  told: Set<string>,
): Promise<DryRunPlan> {
  const { service } = options;
  const key = formatServiceKey(service);
  const running = statuses.get(key);
  const isReload = running !== undefined && !runOnce && ofFile.includes(running);
  const head = { virtualServer: fullName(options), ...(caretaker !== undefined && { caretaker }) };
  if (runOnce && caretaker !== undefined)
    return { ...head, steps: [{ sign: "=", subject: "service", remark: `left to ${caretaker}` }] };

  if (runOnce) refuseProxyOnce(options);
  const notes: string[] = [];
  const logger = collecting(notes);
  // A proxy in this process would end with it: setting up once makes sense in the kernel only.
  const wanted: VirtualServerOptions = runOnce ? { ...options, dataPlane: "ipvs" } : options;
  const { kind, observed, doubts } = isReload ? await lookAgain(wanted, running) : await look(wanted);
  const reach = planReach(options, kind, host, logger);
  const retired = isReload ? retiredReach(options, running, logger) : [];
  const seen = (await inspectAll(reach.objects)).filter(({ name }) => !told.has(name));
  for (const { name } of seen) told.add(name);
  const how = runOnce ? "once" : isReload ? "reload" : "start";
  const steps = [
    ...dataPlaneSteps({
      configuration: options,
      observed,
      holds: new HoldFile(daemonFolder(), service).read(logger),
      ...(running !== undefined && { running }),
      how,
    }),
    ...reachSteps(kind === "ipvs" && !isIpvsLoaded() ? seen.map(onceLoaded) : seen),
    ...(await removals(retired)),
  ];
  if (kind === "ipvs" && isIpvsLoaded()) notes.push(...(await nested(options)));
  const theirs = running?.daemon?.configuration?.file;
  const byFile = theirs === undefined ? "" : `, as ${theirs} says`;
  const refusal =
    caretaker === undefined || isReload
      ? []
      : [`${caretaker} already cares for ${key}${byFile}: stop it first, or this is refused`];
  const warnings = [...refusal, ...doubts, ...notes].filter((text) => !told.has(text));
  for (const text of warnings) told.add(text);
  return { ...head, ...(refusal.length > 0 && { isRefused: true }), steps: [...steps, ...warnings.map(warning)] };
}

/** `gone`: virtual servers that are gone by then. */
async function planCleaning(
  options: VirtualServerOptions,
  caretaker: string | undefined,
  gone: ServiceKey[],
): Promise<DryRunPlan> {
  const { service } = options;
  const notes: string[] = [];
  const logger = collecting(notes);
  if (caretaker !== undefined)
    notes.push(`${caretaker} still cares for ${formatServiceKey(service)} and will put it back; stop it first`);
  const observed = isIpvsLoaded() ? await readKernel(service) : undefined;
  const { address } = service.endpoint;
  const held = [...new HoldFile(daemonFolder(), service).read(logger)];
  const steps: DryRunStep[] = [
    ...cleanSteps(observed),
    ...(!isAddressCaredFor(service.endpoint) && (await hasLoopbackAddress(address))
      ? [takenAway(`${address} on the loopback device`)]
      : []),
    ...held.map(([server, hold]): DryRunStep => ({ sign: "-", subject: "hold", change: describeHeld(server, hold) })),
    ...(await removals(reachToRemove(options, new ReachHost(), logger, { besides: gone }))),
    ...notes.map(warning),
  ];
  // One that its daemon puts back is not gone.
  if (caretaker === undefined) gone.push(service);
  return { virtualServer: fullName(options), ...(caretaker !== undefined && { caretaker }), steps };
}

/** A virtual server that the file of its daemon no longer has. */
async function planGoing(status: VirtualServerStatus, gone: ServiceKey[]): Promise<DryRunPlan> {
  const service = serviceOf(status);
  gone.push(service);
  const notes: string[] = [];
  const observed = status.dataPlane.kind === "ipvs" ? await readKernel(service) : observedBy(status);
  const reach = { ...PLAIN_REACH, mode: status.reach?.mode ?? PLAIN_REACH.mode };
  return {
    virtualServer: fullName({ name: status.name, service }),
    ...(status.daemon !== undefined && { caretaker: `pid ${status.daemon.pid}` }),
    steps: [
      ...goingSteps(observed),
      ...(await removals(reachToRemove({ service, reach }, new ReachHost(), collecting(notes), { besides: gone }))),
      ...notes.map(warning),
    ],
  };
}

/** What a file names and a daemon cares for is not cleaned up. */
function leave(options: VirtualServerOptions, caretaker: string): DryRunPlan {
  const steps: readonly DryRunStep[] = [{ sign: "=", subject: "service", remark: `left to ${caretaker}` }];
  return { virtualServer: fullName(options), caretaker, isRefused: true, steps };
}

/** Of a virtual server that left the configuration while no daemon ran. */
async function planOrphan(options: VirtualServerOptions, gone: ServiceKey[]): Promise<DryRunPlan> {
  const { service } = options;
  gone.push(service);
  const notes: string[] = [];
  const reach = reachToRemove(options, new ReachHost(), collecting(notes), { besides: gone });
  const steps = [...goingSteps(await readKernel(service)), ...(await removals(reach)), ...notes.map(warning)];
  return { virtualServer: fullName(options), steps };
}

/** What is taken back of reach does not depend on the options by which it was made. */
const PLAIN_REACH: ReachOptions = {
  mode: "route",
  iface: "lvscare",
  gateway: undefined,
  masqueradeBit: 0,
  strictArp: false,
  sysctls: "manage",
};

async function nested({ service, realServers }: VirtualServerOptions): Promise<readonly string[]> {
  const dataPlane = await openIpvs();
  try {
    const inner = await Promise.all(
      realServers.map(({ endpoint }) => dataPlane.read({ protocol: service.protocol, endpoint })),
    );
    return inner.flatMap((one) => (one === undefined ? [] : [`real server ${describeNesting(one.service)}`]));
  } finally {
    await dataPlane.close();
  }
}

async function inspectAll(objects: readonly HostObject[]): Promise<readonly SeenObject[]> {
  const seen: SeenObject[] = [];
  for (const object of objects) {
    const found = await foresee(object);
    seen.push({ name: object.name, ...found });
  }
  return seen;
}

/** Settings of IPVS come with it. */
function onceLoaded(seen: SeenObject): SeenObject {
  if (seen.deviation !== "absent" || !seen.name.includes(" net/ipv4/vs/")) return seen;
  return { name: seen.name, deviation: "as soon as IPVS is loaded" };
}

/** What another mode has of reach until now. */
function retiredReach(
  options: VirtualServerOptions,
  { reach }: VirtualServerStatus,
  logger: Logger,
): readonly HostObject[] {
  if (reach === undefined || reach.mode === options.reach.mode) return [];
  const before = { service: options.service, reach: { ...PLAIN_REACH, mode: reach.mode } };
  return reachToRetire(before, options, new ReachHost(), logger);
}

async function removals(objects: readonly HostObject[]): Promise<readonly DryRunStep[]> {
  const steps: DryRunStep[] = [];
  for (const object of objects) if (await object.isRemovable()) steps.push(takenAway(object.name));
  return steps;
}

function takenAway(subject: string): DryRunStep {
  return { sign: "-", subject };
}

function warning(remark: string): DryRunStep {
  return { sign: "!", subject: "", remark };
}

/** Keeps what is a warning. */
function collecting(notes: string[]): Logger {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => void notes.push(message),
    error: (message) => void notes.push(message),
  };
}
