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
