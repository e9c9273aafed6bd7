import { parseServiceName } from "../../config/resolve-discover.ts";
import type { OptionRow } from "../../config/option-row.ts";
import { parseBoolean, refusal } from "../../config/value-parsers.ts";
import { renderRbac, type RbacOptions, type RbacSubject } from "../../manifest/rbac.ts";
import { command } from "../command.ts";

/** `lvscare rbac`: the right to watch who the members of a service are. */
export const rbacCommand = command(
  {
    name: "rbac",
    about:
      "Prints a Role and a RoleBinding that let nodes list and watch the EndpointSlices of one namespace. Kubelet's own credentials may only " +
      "ask for one Endpoints object, so that without them members are asked for each half minute instead of watched. Anybody but nodes also gets " +
      "what maintenance on all nodes takes: to read the service, and to report in leases of a namespace where nothing else is.",
    synopsis: "[flags]",
    rows: [
      {
        flag: "service",
        kind: "text",
        valueName: "namespace/service",
        default: "default/kubernetes",
        help: "the service whose endpoints are to be read: the right to those is one of its namespace",
        group: "Flags",
      },
      {
        flag: "group",
        kind: "text",
        valueName: "name",
        default: "system:nodes",
        help: "who may read them: a group of the cluster",
        group: "Flags",
      },
      {
        flag: "service-account",
        kind: "text",
        valueName: "namespace/name",
        help: "a service account that may, instead of a group",
        group: "Flags",
      },
      {
        flag: "count-nodes",
        kind: "boolean",
        help: "also the right to list the leases of nodes: --checks-per-server is shared by as many as there are then",
        group: "Flags",
      },
    ] as const satisfies readonly OptionRow[],
    examples: [
      { about: "for kubelet's credentials on every node", command: "lvscare rbac | kubectl apply -f -" },
      { about: "for a DaemonSet", command: "lvscare rbac --service-account kube-system/lvscare" },
    ],
  },
  {
    read(values): RbacOptions {
      const account = values.readOptional("service-account", parseServiceName);
      const subject: RbacSubject = account
        ? { kind: "ServiceAccount", ...account }
        : { kind: "Group", name: values.read("group", parseGroup) };
      if (account !== undefined && !values.isMissing("group")) values.refuse("group", "there is --service-account");
      return {
        service: values.read("service", parseServiceName),
        subject,
        countsNodes: values.read("count-nodes", parseBoolean),
      };
    },
    async run(options, { out }) {
      await out.write(renderRbac(options));
      return 0;
    },
  },
);

// --- internal ---

function parseGroup(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw refusal(`"${text}" is no name of a group`);
}
