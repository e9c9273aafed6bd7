import { EchoServers } from "./echo-server.ts";
import { connect, Namespace } from "./namespace.ts";

/** Of no network that these hosts are in. */
export const VIP = "10.103.97.2";
export const VS = `${VIP}:6443`;
export const NODE = "10.0.0.5";
export const SERVERS = ["10.0.0.6:80", "10.0.0.7:80"] as const;
export const SERVER6 = "[fd00:10::6]:80";

export interface TwoHosts {
  readonly node: Namespace;
  readonly other: Namespace;
  readonly echo: EchoServers;
}

/** A node, and another host on its cable with the real servers; they end with the stack. */
export async function startTwoHosts(stack: AsyncDisposableStack): Promise<TwoHosts> {
  const node = stack.use(await Namespace.create());
  const other = stack.use(await Namespace.create());
  await connect([node, `${NODE}/24`], [other, "10.0.0.6/24"]);
  await other.addAddress("10.0.0.7/24", "cable");
  await node.addAddress("fd00:10::5/64", "cable");
  await other.addAddress("fd00:10::6/64", "cable");
  return { node, other, echo: stack.use(await EchoServers.start(other, [...SERVERS, SERVER6])) };
}
