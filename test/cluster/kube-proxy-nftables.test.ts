import { expect, setDefaultTimeout, test } from "bun:test";
import { waitFor } from "../kernel/support/wait-for.ts";
import { NodeShell } from "../node/support/node-shell.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { VIP } from "./support/cluster-nodes.ts";
import { clusterLacks, kubeProxyProgram } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";
import {
  aboutProxy,
  addService,
  answers,
  API_SERVICE,
  careFor,
  proxyFlags,
  registerNode,
  repairs,
  syncs,
} from "./support/proxied-node.ts";

// The programs may have to be built first.
setDefaultTimeout(40 * 60_000);

const lacking = await clusterLacks();
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

const [ETCD, OBSERVER, MASTER, NODE] = ["10.0.0.8", "10.0.0.9", "10.0.0.2", "10.0.0.20"] as const;
/** All of the node's processors are emulated. */
const LONGEST_ANSWER_S = 30;
const PATIENT = { timeoutMs: 300_000, everyMs: 500 } as const;

test.skipIf(lacking !== undefined)(
  "beside a kube-proxy in nftables mode both serve, each its own addresses, once what it takes at its start is back",
  async () => {
    const program = await kubeProxyProgram();
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [MASTER], names: [VIP] });
    await plane.start(MASTER);
    await registerNode(plane, MASTER, NODE);
    const observer = (await network.addHost(`${OBSERVER}/24`)).namespace;
    // Of the labs, those with a whole kernel have tables of nftables.
    await using node = await NodeShell.start("qemu", network, NODE, observer);
    // As every node has one, by which what is to be translated leaves.
    await node.exec("ip", "route", "add", "default", "via", OBSERVER);
    await careFor(node, MASTER);
    const isAnswered = (address: string): Promise<boolean> => answers(node, address, LONGEST_ANSWER_S);
    const waitForAnswers = (address: string): Promise<boolean> => waitFor(() => isAnswered(address), Boolean, PATIENT);
    await waitForAnswers(`${VIP}:6443`);

    const untouched = await repairs(node);
    const proxy = await node.leave(program, ...(await proxyFlags(plane, MASTER, "nftables")));
    await waitForAnswers(API_SERVICE);
    // It has emptied the table of IPVS, in case an earlier one was in IPVS mode.
    expect(await repairs(node)).toBeGreaterThan(untouched);
    const before = { repairs: await repairs(node), syncs: await syncs(node) };
    await addService(plane, MASTER, "another", "10.97.200.2");
    await waitFor(
      () => syncs(node),
      (count) => count > before.syncs,
      PATIENT,
    );
    expect(await isAnswered(`${VIP}:6443`)).toBe(true);
    expect(await isAnswered(API_SERVICE)).toBe(true);
    expect(await repairs(node)).toBe(before.repairs);
    expect(await aboutProxy(node)).toEqual([
      expect.objectContaining({ state: "ok", message: expect.stringContaining("is in nftables mode") }),
      expect.objectContaining({ state: "note", message: expect.stringContaining("empties the whole table of IPVS") }),
    ]);
    expect(await node.exec("nft", "list", "tables")).toContain("table ip kube-proxy");

    // What is left of it when it ends does no harm to the virtual server either.
    await node.exec("kill", proxy);
    await waitFor(
      () => node.run(["kill", "-0", proxy]),
      ({ exitCode }) => exitCode !== 0,
      PATIENT,
    );
    expect(await isAnswered(`${VIP}:6443`)).toBe(true);
  },
);
