import type { VirtualServerOptions } from "../config/care-options.ts";
import { LvscareError } from "../domain/errors.ts";
import { formatServiceKey, type ServiceKey } from "../domain/virtual-server.ts";

interface NamedService {
  readonly name: string | undefined;
  readonly service: ServiceKey;
}

/** `tcp 10.0.0.1:80 (web)` */
export function fullName({ name, service }: NamedService): string {
  return name === undefined ? formatServiceKey(service) : `${formatServiceKey(service)} (${name})`;
}

export function nameOf({ name, service }: NamedService): string {
  return name ?? formatServiceKey(service);
}

/** The same failure, with the virtual server that has it. */
export function about(options: NamedService, error: unknown): unknown {
  if (!(error instanceof LvscareError)) return error;
  const { code, errno, operation, remedy } = error;
  return new LvscareError(code, `${nameOf(options)}: ${error.message}`, {
    ...(operation !== undefined && { operation }),
    ...(remedy !== undefined && { remedy }),
    ...(errno !== undefined && { errno }),
    cause: error,
  });
}

/** Of more virtual servers than this, the log tells as of one. */
export const MOST_NAMED = 20;

/** `21 virtual servers with 42 real servers` */
export function countVirtualServers(all: readonly Pick<VirtualServerOptions, "realServers">[]): string {
  const realServers = all.reduce((sum, one) => sum + one.realServers.length, 0);
  return `${all.length} virtual servers with ${realServers} real servers`;
}

export function countServers({ realServers }: Pick<VirtualServerOptions, "realServers">): string {
  return realServers.length === 1 ? "1 real server" : `${realServers.length} real servers`;
}
