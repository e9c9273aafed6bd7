import { EchoServers } from "./echo-server.ts";
import { Namespace } from "./namespace.ts";
import { SERVERS, VS } from "./care-flags.ts";

/** What most tests stand on: a host that has the virtual IP, and echo servers on it. */
export interface Host extends AsyncDisposable {
  readonly namespace: Namespace;
  readonly echo: EchoServers;
}

export async function startHost(servers: readonly string[] = SERVERS, vs = VS): Promise<Host> {
  await using stack = new AsyncDisposableStack();
  const namespace = stack.use(await Namespace.create());
  await namespace.addAddress(`${vs.slice(0, vs.lastIndexOf(":"))}/32`);
  const echo = stack.use(await EchoServers.start(namespace, servers));
  const kept = stack.move();
  return { namespace, echo, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
