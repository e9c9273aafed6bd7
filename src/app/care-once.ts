import type { CareConfig, CareOptions, VirtualServerOptions } from "../config/care-options.ts";
import { Ipvs } from "../dataplane/ipvs/ipvs-plane.ts";
import { LvscareError, throwFailures } from "../domain/errors.ts";
import { formatEndpoint } from "../domain/endpoint.ts";
import type { Logger } from "../domain/logger.ts";
import { formatServiceKey } from "../domain/virtual-server.ts";
import { fullName } from "./about.ts";
import { claimVirtualServers, otherCaretakers } from "./claim.ts";
import { clean } from "./clean.ts";
import { withKnownMembers } from "./discovering.ts";
import { daemonFolder } from "./daemon-sockets.ts";
import { HoldFile, tellHeld } from "./hold-file.ts";
import { prefixed } from "./prefixed.ts";
import { prepare } from "./preparation.ts";
import { establishReach, ReachHost } from "./reach.ts";
import { refuseProxyOnce, runOnce } from "./run-once.ts";
import { Surroundings } from "./surroundings.ts";

/**
 * Sets up each virtual server once, or cleans up after each. What fails does not keep the others from it. A file
 * (`isFile`) may be an old one: what a daemon cares for is cleaned up by flags alone, which name that virtual server.
 */
export async function careOnce(
  { virtualServers: written, cacheDirectory }: CareConfig,
  how: Pick<CareOptions, "clean"> & { readonly isFile: boolean },
  logger: Logger,
): Promise<void> {
  const virtualServers = withKnownMembers(written, cacheDirectory);
  if (!how.clean) virtualServers.forEach(refuseProxyOnce);
  const failures: unknown[] = [];
  const spared =
    how.clean && how.isFile ? otherCaretakers(virtualServers.map(({ service }) => service)) : new Map<string, string>();
  for (const options of virtualServers) {
    const caretaker = spared.get(formatServiceKey(options.service));
    if (caretaker !== undefined) {
      failures.push(leftTo(caretaker, options));
      continue;
    }
    const own = virtualServers.length === 1 ? logger : prefixed(logger, formatServiceKey(options.service));
    try {
      await (how.clean ? clean(options, own) : setUp(options, own));
    } catch (error) {
      failures.push(error);
    }
  }
  throwFailures(failures);
}

// --- internal ---

/** Why what a file names is not cleaned up. */
function leftTo(caretaker: string, options: VirtualServerOptions): LvscareError {
  return new LvscareError("ALREADY_RUNNING", `${caretaker} cares for ${fullName(options)}, so it was left alone`, {
    remedy: "stop it first, or take it out of its file",
  });
}

async function setUp(options: VirtualServerOptions, logger: Logger): Promise<void> {
  using claim = claimFor(options, logger);
  if (claim === undefined) return;
  // A proxy in this process would end with it: setting up once makes sense in the kernel only.
  const { selection, reach, begin } = await prepare(
    { ...options, dataPlane: "ipvs" },
    new Surroundings(new Ipvs(), new ReachHost()),
    logger,
  );
  begin();
  try {
    const holds = new HoldFile(daemonFolder(), options.service).read(logger);
    const listed = options.realServers.map(({ endpoint }) => formatEndpoint(endpoint));
    tellHeld(holds, listed, logger);
    await runOnce(options, selection.dataPlane, holds, logger);
    await establishReach(reach, logger);
  } finally {
    await selection.dataPlane.close();
  }
}

/**
 * Undefined when there is nothing to do: when a one-time setup is tried again, a daemon may already care for the
 * virtual server.
 */
function claimFor({ service }: VirtualServerOptions, logger: Logger): Disposable | undefined {
  try {
    return claimVirtualServers([service], process.getuid?.() ?? 0, logger);
  } catch (error) {
    if (!(error instanceof LvscareError) || error.code !== "ALREADY_RUNNING") throw error;
    logger.warn(`${error.message}, so it is left to that and nothing was set up here`);
    return undefined;
  }
}
