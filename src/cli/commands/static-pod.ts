import { resolveStaticPod } from "../../config/resolve-static-pod.ts";
import { DAEMON_OPTION_ROWS, STATIC_POD_OPTION_ROWS } from "../../config/static-pod-option-rows.ts";
import { UsageError } from "../../config/usage-error.ts";
import { command } from "../command.ts";

/**
 * `lvscare static-pod`, also `lvscare static-pod lvscare` as in `sealctl`: the manifest of the pod that keeps a
 * node's way to the API servers.
 */
export const staticPodCommand = command(
  {
    name: "static-pod",
    about:
      "Writes the manifest of a static pod that runs lvscare care on this node, byte for byte as `sealctl static-pod lvscare` does. " +
      "Written at once or not at all, so that kubelet never reads half of it.",
    synopsis: "[lvscare] --masters <IP:port>... [flags]",
    rows: STATIC_POD_OPTION_ROWS,
    operands: 1,
    operandChoices: ["lvscare"],
    borrowed: DAEMON_OPTION_ROWS,
    examples: [
      {
        about: "two API servers",
        command:
          "lvscare static-pod --vip 10.103.97.2:6443 --name lvscare --image lvscare:latest --masters 192.168.0.2:6443,192.168.0.3:6443 --print",
      },
      {
        about: "what we recommend for API servers",
        command:
          "lvscare static-pod --masters 192.168.0.2:6443,192.168.0.3:6443 --fall 3 --interval-fast 1s --panic-threshold 50 --health-path /readyz --liveness --least-privilege --print",
      },
      { about: "another image for the pod that is there", command: "lvscare static-pod --image lvscare:v2 --set-img" },
    ],
    notes: [
      "Flags of lvscare care, such as --mode, --fall or --health-path, go into the pod's arguments; they are checked first. For API servers " +
        "--panic-threshold 50 keeps the last of them in service when checks fail everywhere at once.",
      "The node's address comes from lvscare.node.ip in /etc/hosts, if it is there.",
    ],
  },
  {
    read(_, reading) {
      const [pod = "lvscare"] = reading.operands;
      if (pod !== "lvscare") throw new UsageError([`there is no static pod "${pod}"; the only one is lvscare`]);
      return resolveStaticPod(reading);
    },
    async run(request, { out, err }) {
      const { prepareStaticPod, writeManifest } = await import("../../app/static-pod.ts");
      const prepared = await prepareStaticPod(request);
      // With the empty line that sealctl prints after it.
      if (request.print) await out.write(`${prepared.manifest}\n`);
      else {
        await writeManifest(prepared);
        await err.remark(`wrote ${prepared.path}\n`);
      }
      return 0;
    },
  },
);
