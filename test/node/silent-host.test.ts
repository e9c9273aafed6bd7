import { setDefaultTimeout, test } from "bun:test";
import { EchoServers } from "../kernel/support/echo-server.ts";
import { lvscareBinary } from "../kernel/support/lvscare.ts";
import type { Namespace } from "../kernel/support/namespace.ts";
import { waitFor, waitForEqual } from "../kernel/support/wait-for.ts";
import { GuestNode } from "./support/guest-node.ts";
import { SwitchedNetwork } from "./support/switched-network.ts";

setDefaultTimeout(600_000);

const VIP = "10.96.0.1";
const CLIENT = "10.0.0.9";
const SERVERS = ["10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
/** Each a node of its own: a kernel and its daemon. */
const NODES = [
  { lab: "uml", address: "10.0.0.20" },
  { lab: "qemu", address: "10.0.0.21" },
] as const;

test("nodes of two kernels on one switch lose a host behind it, without a word from any link, and get it back", async () => {
  await using network = await SwitchedNetwork.create();
  await using stack = new AsyncDisposableStack();
  const ports = new Map<string, string>();
  const nodes = new Map<string, GuestNode>();
  /** Until these are in service, and no others, on both nodes. */
  const waitForServers = (servers: readonly string[]): Promise<unknown> =>
    Promise.all(
      [...nodes].map(([address, node]) =>
        waitForEqual(
          () => {
            node.mustRun();
            return serversInService(client, address);
          },
          servers.map((server) => `${server}:80`),
          // An emulated machine on a busy host takes long to boot.
          { timeoutMs: 200_000, everyMs: 100 },
        ),
      ),
    );
  for (const address of SERVERS) {
    const { namespace, port } = await network.addHost(`${address}/24`);
    ports.set(address, port);
    // Their answers go back through the node that the client asked: each has a client address of its own.
    for (const node of NODES)
      await namespace.exec(..."ip route add".split(" "), clientOf(node.address), "via", node.address);
    stack.use(await EchoServers.start(namespace, [`${address}:80`]));
  }
  const client = (await network.addHost(`${CLIENT}/24`)).namespace;
  for (const node of NODES) {
    const plug = await network.addPlug(`${node.address}/24`);
    nodes.set(node.address, stack.use(new GuestNode(node.lab, plug, careCommand(node.address))));
    await client.exec("ip", "address", "add", `${clientOf(node.address)}/32`, "dev", "lo");
  }
  await waitForServers(SERVERS);

  const [silent, ...others] = SERVERS;
  await network.setPort(ports.get(silent) ?? "", "down");
  await waitForServers(others);
  for (const { address } of NODES) {
    // A node that was held up may have one of them out for a moment.
    await waitForEqual(
      async () => [...new Set(await Promise.all(Array.from({ length: 4 }, () => ask(client, address))))].toSorted(),
      others.map((server) => `${server}:80`),
    );
  }

  await network.setPort(ports.get(silent) ?? "", "up");
  await waitForServers(SERVERS);
});

// --- internal ---

/** The client's own address towards this node. */
function clientOf(node: string): string {
  return node.replace("10.0.0.", "10.9.0.");
}

function careCommand(node: string): readonly string[] {
  const care = [
    lvscareBinary(),
    "care",
    "--vs",
    `${VIP}:80`,
    ...SERVERS.flatMap((server) => ["--rs", `${server}:80`]),
    ...`--interval 1 --health-schem http --health-path / --mode none --http-listen ${node}:9105`.split(" "),
  ];
  const prepare = `echo 1 >/proc/sys/net/ipv4/ip_forward; ip address add ${VIP}/32 dev lo; ip route add ${clientOf(node)} via ${CLIENT}`;
  return ["sh", "-c", `${prepare}; exec "$@"`, "care", ...care];
}

/** By the node's metrics, as a scraper on the switch sees them. */
async function serversInService(client: Namespace, node: string): Promise<string[]> {
  const { stdout } = await client.run(["curl", "--silent", "--max-time", "5", `http://${node}:9105/metrics`]);
  const weights = stdout.matchAll(/^lvscare_real_server_weight\{[^}]*real_server="([^"]+)"[^}]*\} (\d+)/gm);
  return Array.from(weights, ([, server = "", weight]) => (Number(weight) > 0 ? server : ""))
    .filter(Boolean)
    .toSorted();
}

/** Through the virtual address on this node. */
async function ask(client: Namespace, node: string): Promise<string> {
  const route = ["ip", "route", "replace", VIP, "via", node, "src", clientOf(node)];
  await client.exec(...route);
  const { stdout } = await waitFor(
    () => client.run(["curl", "--silent", "--max-time", "5", `http://${VIP}/`]),
    ({ exitCode }) => exitCode === 0,
  );
  return stdout;
}
