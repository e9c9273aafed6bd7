import type { CareConfig, VirtualServerOptions } from "../config/care-options.ts";
import type { Ipvs } from "../dataplane/ipvs/ipvs-plane.ts";
import type { Discovery } from "../discovery/discovery.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import { throwFailures } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import { about, countServers, fullName, MOST_NAMED, nameOf } from "./about.ts";
import type { CareProcess } from "./care-process.ts";
import type { Caring, Holdings } from "./caring.ts";
import { claimMany } from "./claim-many.ts";
import type { Claims } from "./claim.ts";
import { describeOptionsChange } from "./describe-options-change.ts";
import { prefixed } from "./prefixed.ts";
import { prepare, prepareAnew } from "./preparation.ts";
import type { Reach } from "./reach.ts";
import { Slices } from "./slices.ts";
import { Surroundings } from "./surroundings.ts";

export interface PrepareConfigPorts {
  readonly process: CareProcess;
  readonly ipvs: Ipvs;
  readonly logger: Logger;
  /** There will never be more than one virtual server, and it need not be named. */
  readonly isAlone: boolean;
  /** Those that are cared for, by `formatServiceKey`, as they come and go. */
  readonly cares: ReadonlyMap<string, Caring>;
  /** Lets the rest of the process have a turn. Rejects when caring ends meanwhile. */
  readonly pause: (slices: Slices) => Promise<void>;
}

/** What another configuration makes of the virtual servers that are cared for. */
export interface ConfigDraft {
  readonly added: readonly Prepared[];
  readonly changed: readonly Changed[];
  readonly removed: readonly Caring[];
  /** What was claimed and opened for it, to be given up unless it is carried out. */
  readonly held: AsyncDisposableStack;
}

/** A virtual server that is not cared for yet. */
export interface Prepared extends Holdings {
  /** With the members that were discovered. */
  readonly options: VirtualServerOptions;
  /** As the configuration has it. */
  readonly written: VirtualServerOptions;
  readonly discovery: Discovery | undefined;
}

/** One that is cared for, and is to go on otherwise. */
export interface Changed {
  readonly caring: Caring;
  readonly written: VirtualServerOptions;
  readonly discovery: Discovery | undefined;
  readonly reach: Reach;
}

/**
 * Claims and prepares what is new or different in a configuration, and in `orphans` beside it. Rejects with every reason
 * why that cannot be cared for here, and leaves nothing claimed or open then. Undefined when a virtual server that it
 * has again was gone in the meantime: it is to be prepared once more.
 */
export async function prepareConfig(
  config: CareConfig,
  orphans: readonly VirtualServerOptions[],
  ports: PrepareConfigPorts,
): Promise<ConfigDraft | undefined> {
  const { process, ipvs, logger, isAlone, cares, pause } = ports;
  await using stack = new AsyncDisposableStack();
  const slices = new Slices();
  const all = [...config.virtualServers, ...orphans];
  const wanted = new Map(all.map((options) => [formatServiceKey(options.service), options]));
  for (const key of wanted.keys()) {
    const gone = cares.get(key)?.gone;
    if (gone !== undefined) await gone;
  }
  const joining = [...wanted].filter(([key]) => !cares.has(key)).map(([, { service }]) => service);
  const surroundings = new Surroundings(ipvs, process.reachHost, joining.length > MOST_NAMED);
  const before = new Map(cares);
  const claims = await claimMany(joining, logger, () => pause(slices), stack);
  const parts = { config, ports, surroundings, stack };
  const added: Prepared[] = [];
  const changed: Changed[] = [];
  const failures: unknown[] = [];
  for (const [key, written] of wanted) {
    if (slices.isOver()) await pause(slices);
    try {
      const present = before.get(key);
      const own = claims.get(key);
      if (own !== undefined) added.push(await prepareNew(written, own, parts));
      else if (present !== undefined && isOtherwise(present, written))
        changed.push(await prepareChanged(present, written, parts));
    } catch (error) {
      failures.push(isAlone ? error : about(written, error));
    }
  }
  // Whoever went away while the others were prepared is claimed anew.
  if ([...wanted.keys()].some((key) => before.get(key)?.gone !== undefined)) return undefined;
  throwFailures(failures);
  const removed = [...cares].flatMap(([key, one]) => (wanted.has(key) || one.care.isLeaving ? [] : [one]));
  return { added, changed, removed, held: stack.move() };
}

/** What it changes, a line for each virtual server. */
export function describeDraft({ added, changed, removed }: ConfigDraft): readonly string[] {
  return [
    ...added.map(({ options }) => `+ ${fullName(options)}: ${countServers(options)}`),
    ...changed.flatMap(({ caring, written, discovery }) => {
      const options = discovery?.complete(written) ?? written;
      const what = caring.care.isLeaving ? "back again" : describeOptionsChange(caring.care.options, options);
      // The order of real servers may be another one, which means nothing.
      return what === "" ? [] : [`~ ${fullName(options)}: ${what}`];
    }),
    ...removed.map(({ care }) => `- ${fullName(care.options)}: its real servers drain, then it goes`),
  ];
}

// --- internal ---

/** What all virtual servers of a configuration are prepared with. */
interface Parts {
  readonly config: CareConfig;
  readonly ports: PrepareConfigPorts;
  readonly surroundings: Surroundings;
  /** What is opened goes onto it. */
  readonly stack: AsyncDisposableStack;
}

function isOtherwise({ care }: Caring, written: VirtualServerOptions): boolean {
  return care.isLeaving || !Bun.deepEquals(care.finding.written, written);
}

async function prepareNew(written: VirtualServerOptions, claims: Claims, parts: Parts): Promise<Prepared> {
  const { ports, surroundings, stack } = parts;
  const logger = ports.isAlone ? ports.logger : prefixed(ports.logger, nameOf(written));
  const discovery = await discoverWhereWanted(written, undefined, parts);
  if (discovery !== undefined) stack.use(discovery);
  const options = discovery?.complete(written) ?? written;
  const preparation = await prepare(options, surroundings, logger);
  stack.defer(() => preparation.selection.dataPlane.close());
  return { options, preparation, claims, written, discovery };
}

async function prepareChanged(caring: Caring, written: VirtualServerOptions, parts: Parts): Promise<Changed> {
  const { care, preparation } = caring;
  const before = care.finding.discovery;
  const isSame = before?.serves(written.discover) === true;
  const discovery = isSame ? before : await discoverWhereWanted(written, before, parts);
  if (discovery !== undefined && !isSame) parts.stack.use(discovery);
  const options = discovery?.complete(written) ?? written;
  const reach = await prepareAnew(preparation, care.options, options, parts.surroundings);
  return { caring, written, discovery, reach };
}

/** Most daemons are told their members, and start without the code that finds them. */
async function discoverWhereWanted(
  written: VirtualServerOptions,
  before: Discovery | undefined,
  { config: { virtualServers, cacheDirectory }, ports: { process, cares } }: Parts,
): Promise<Discovery | undefined> {
  if (written.discover === undefined) return undefined;
  const { discover } = await import("./discovering.ts");
  const { openSource } = await import("./open-source.ts");
  const { now, facts } = process;
  const clock = { now, setTimeout, clearTimeout: (timer: unknown) => clearTimeout(timer as Timer) };
  // Others may come.
  const own = (): readonly Endpoint[] =>
    [...virtualServers, ...[...cares.values()].map(({ care }) => care.options)].map(({ service }) => service.endpoint);
  const discovering = { clock, timeOfDay: facts.timeOfDay, cacheDirectory, own, openSource };
  return discover(written, written.discover, discovering, before);
}
