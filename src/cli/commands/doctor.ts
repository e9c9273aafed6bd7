import { outputRow, readVirtualServers, virtualServersRow } from "../../config/shared-option-rows.ts";
import { parseChoice } from "../../config/value-parsers.ts";
import { formatEndpoint, parseEndpoint, type Endpoint } from "../../domain/endpoint.ts";
import { SCHEDULERS } from "../../domain/virtual-server.ts";
import { createPaint } from "../colour.ts";
import { command } from "../command.ts";
import { renderDoctor } from "../doctor-text.ts";
import { formatData } from "../output.ts";

/** `lvscare doctor`: what keeps a virtual server from working here, and what to do about it. */
export const doctorCommand = command(
  {
    name: "doctor",
    about:
      "Examines this host: kernel modules, schedulers, settings, rights, kube-proxy, firewall, the way to each virtual address, and real " +
      "connections to and through it. Each finding that is not ok says what to do.",
    synopsis: "[flags]",
    rows: [
      virtualServersRow(
        "examine this virtual server, whether it stands already or not",
        "those that daemons care for, else those of the kernel's table",
      ),
      {
        flag: "rs",
        kind: "list",
        valueName: "IP:port",
        help: "a real server that it has or shall have, besides those known already; needs one --vs",
        group: "Flags",
      },
      {
        flag: "scheduler",
        kind: "text",
        valueName: "name",
        choices: SCHEDULERS,
        help: "see whether this scheduler works, too (default: rr where nothing stands)",
        group: "Flags",
      },
      {
        flag: "mode",
        kind: "text",
        valueName: "mode",
        choices: ["route", "link", "none"],
        help: "how this host is meant to get to the virtual address: route, link or none (default: as the daemon has it, else route)",
        group: "Flags",
      },
      outputRow(["text", "json"], "text for people, json for programs"),
    ],
    examples: [
      { about: "what stands here", command: "lvscare doctor" },
      {
        about: "before it stands",
        command: "lvscare doctor --vs 10.103.97.12:6443 --rs 192.168.0.2:6443 --scheduler wlc",
      },
      {
        about: "only what is wrong, for scripts",
        command: `lvscare doctor -o json | jq '.findings[] | select(.state == "problem")'`,
      },
    ],
    notes: [
      "A problem keeps clients from being served; a note may do so some day; unknown could not be looked at. Exit codes: 0 when there is no " +
        "problem, 1 when there is one.",
      "Nothing is changed on this host, except that a virtual server is made at an address of nobody's and deleted at once, as lvscare care " +
        "does at its start; the kernel may load modules for that. Through each virtual server, TCP connections are made and closed without a word: at most four times as many as it " +
        "has real servers and eight.",
    ],
  },
  {
    read(values) {
      const format = values.read("output", parseChoice(["text", "json"]));
      const virtualServers = [...new Set(readVirtualServers(values))];
      const realServers = unique(values.readList("rs", parseEndpoint));
      const scheduler = values.readOptional("scheduler", parseChoice(SCHEDULERS));
      const mode = values.readOptional("mode", parseChoice(["route", "link", "none"]));
      if (realServers.length > 0 && virtualServers.length !== 1)
        values.refuse("rs", "name the one virtual server that has it with --vs");
      return {
        format,
        virtualServers,
        examined: {
          realServers,
          ...(scheduler !== undefined && { scheduler }),
          ...(mode !== undefined && { mode }),
        },
      };
    },
    async run({ format, virtualServers, examined }, { out, outColour, columns }) {
      const { examineHost } = await import("../../app/doctor/examine-host.ts");
      const { resolveVirtualServers } = await import("../../app/known-names.ts");
      const words = [...new Set(await resolveVirtualServers(virtualServers))];
      const report = await examineHost({ ...examined, virtualServers: words });
      const view = { width: columns, paint: createPaint(outColour) };
      await out.write(format === "json" ? formatData(report, "json") : renderDoctor(report, view));
      return report.counts.problem > 0 ? 1 : 0;
    },
  },
);

// --- internal ---

function unique(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...new Map(endpoints.map((endpoint) => [formatEndpoint(endpoint), endpoint])).values()];
}
