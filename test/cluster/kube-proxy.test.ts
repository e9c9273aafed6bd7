import { expect, setDefaultTimeout, test } from "bun:test";
import { runLvscare } from "../kernel/support/lvscare.ts";
import { waitFor } from "../kernel/support/wait-for.ts";
import { NodeShell } from "../node/support/node-shell.ts";
import { SwitchedNetwork } from "../node/support/switched-network.ts";
import { VIP } from "./support/cluster-nodes.ts";
import { clusterLacks, kubeProxyProgram } from "./support/cluster-programs.ts";
import { ControlPlane } from "./support/control-plane.ts";
import {
  aboutProxy,
  answers,
  API_SERVICE,
  careFor,
  findings,
  findingsOf,
  PATIENT,
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

test.skipIf(lacking !== undefined)(
  "a kube-proxy in IPVS mode is found, named, and kept from harm as doctor says; one in iptables mode does none",
  async () => {
    const program = await kubeProxyProgram();
    await using network = await SwitchedNetwork.create();
    await using plane = await ControlPlane.create(network, { etcd: ETCD, masters: [MASTER], names: [VIP] });
    await plane.start(MASTER);
    await registerNode(plane, MASTER, NODE);
    const observer = (await network.addHost(`${OBSERVER}/24`)).namespace;
    await using node = await NodeShell.start("uml", network, NODE, observer);
    await node.exec("sh", "-c", LEGACY_IPTABLES);
    // As every node has one, by which what is to be translated leaves.
    await node.exec("ip", "route", "add", "default", "via", OBSERVER);
    const startProxy = async (mode: string, excludeCIDRs: readonly string[] = []): Promise<string> => {
      const flags = await proxyFlags(plane, MASTER, mode, excludeCIDRs);
      return node.leave("env", `PATH=${LEGACY_PATH}:/usr/sbin:/usr/bin:/sbin:/bin`, program, ...flags);
    };
    const endProxy = async (pid: string): Promise<void> => {
      await node.exec("kill", pid);
      await waitFor(
        () => node.run(["kill", "-0", pid]),
        ({ exitCode }) => exitCode !== 0,
      );
    };
    await careFor(node, MASTER);
    await waitFor(
      () => answers(node, `${VIP}:6443`),
      (isSo) => isSo,
      PATIENT,
    );

    const careless = await startProxy("ipvs");
    await waitFor(
      () => repairs(node),
      (count) => count > 1,
      PATIENT,
    );
    expect(await aboutProxy(node)).toEqual([
      expect.objectContaining({ state: "ok", message: expect.stringContaining("is in IPVS mode") }),
      expect.objectContaining({
        state: "problem",
        message: "it deletes this virtual server again and again: its ipvs.excludeCIDRs are empty",
        remedy: expect.stringContaining(`add ${VIP}/32 to ipvs.excludeCIDRs`),
        virtualServer: `tcp ${VIP}:6443`,
      }),
    ]);
    await endProxy(careless);

    const careful = await startProxy("ipvs", [`${VIP}/32`]);
    await waitFor(
      () => syncs(node),
      (count) => count > 1,
      PATIENT,
    );
    const before = { repairs: await repairs(node), syncs: await syncs(node) };
    await waitFor(
      () => syncs(node),
      (count) => count > before.syncs + 2,
      PATIENT,
    );
    expect(await repairs(node)).toBe(before.repairs);
    expect((await aboutProxy(node)).map(({ state }) => state)).toEqual(["ok", "ok"]);
    // Its services, beside ours.
    expect([await answers(node, API_SERVICE), await answers(node, `${VIP}:6443`)]).toEqual([true, true]);
    const among = await findings(node, "service range", "--vs", "10.97.100.1:6443");
    expect(among.map(({ state, message }) => [state, message])).toEqual([
      ["note", "this address is among the addresses of services: the cluster may give it to a service at any time"],
    ]);
    await endProxy(careful);

    // As on a node that was moved to another mode without a new start.
    await node.exec("ip", "link", "delete", "kube-ipvs0");
    await node.exec("ipvsadm", "-D", "-t", API_SERVICE);
    const other = await startProxy("iptables");
    await waitFor(
      () => answers(node, API_SERVICE),
      (isSo) => isSo,
      PATIENT,
    );
    expect(await answers(node, `${VIP}:6443`)).toBe(true);
    expect(await aboutProxy(node)).toEqual([
      expect.objectContaining({ state: "ok", message: expect.stringContaining("is in iptables mode") }),
    ]);
    await endProxy(other);

    // Where an API server runs, it is asked for its addresses.
    const { stdout } = await runLvscare(plane.namespaceOf(MASTER), ["doctor", "-o", "json", "--vs", "10.97.5.5:6443"]);
    expect(findingsOf(stdout, "service range").map(({ state, message }) => [state, message])).toEqual([
      ["note", "this address is in 10.97.0.0/16, from which the cluster may give it to a service at any time"],
    ]);
  },
);

// --- internal ---

/** The node's kernel has no tables of nftables, by which Debian's iptables works otherwise. */
const LEGACY_PATH = "/run/legacy-iptables";
const LEGACY_IPTABLES = `mkdir ${LEGACY_PATH} && cd ${LEGACY_PATH} && for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do ln -s /usr/sbin/xtables-legacy-multi $name || exit 1; done`;
