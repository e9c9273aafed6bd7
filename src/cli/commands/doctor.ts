import { defineCommand, type CommandDef } from "citty";
import { DOCTOR_OPTION_ROWS, type DoctorFlag } from "../../config/doctor-option-rows.ts";
import { OptionValues } from "../../config/option-values.ts";
import { readArgv } from "../../config/read-argv.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseChoice } from "../../config/value-parsers.ts";
import { formatEndpoint, parseEndpoint } from "../../domain/endpoint.ts";
import { SCHEDULERS } from "../../domain/virtual-server.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { renderDoctor } from "../doctor-text.ts";
import { formatData } from "../format-data.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare doctor`: what keeps a virtual server from working here, and what to do about it. */
export function doctorCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: DOCTOR_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, DOCTOR_OPTION_ROWS);
      const paint = createPaint(context.outColour);
      if (reading.help) {
        await context.out.write(renderUsage(DOCTOR_USAGE, paint));
        return 0;
      }
      const values = new OptionValues<DoctorFlag>(DOCTOR_OPTION_ROWS, reading.given, reading.problems);
      const format = values.read("output", parseChoice(["text", "json"]));
      const virtualServers = unique(values, "vs");
      const realServers = unique(values, "rs");
      const scheduler = values.readOptional("scheduler", parseChoice(SCHEDULERS));
      const mode = values.readOptional("mode", parseChoice(["route", "link", "none"]));
      if (realServers.length > 0 && virtualServers.length !== 1)
        values.refuse("rs", "name the one virtual server that has it with --vs");
      if (values.problems.length > 0) throw new UsageError(values.problems);

      const { examineHost } = await import("../../app/doctor/examine-host.ts");
      const report = await examineHost({
        virtualServers,
        realServers,
        ...(scheduler !== undefined && { scheduler }),
        ...(mode !== undefined && { mode }),
      });
      const view = { width: context.columns, paint };
      await context.out.write(format === "json" ? formatData(report, "json") : renderDoctor(report, view));
      return report.counts.problem > 0 ? 1 : 0;
    },
  });
}

export const DOCTOR_USAGE: CommandUsage = {
  name: "doctor",
  about:
    "Examines this host: kernel modules, schedulers, settings, rights, kube-proxy, firewall, the way to each virtual address, and real " +
    "connections to and through it. Each finding that is not ok says what to do.",
  synopsis: "[flags]",
  rows: DOCTOR_OPTION_ROWS,
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
};

// --- internal ---

function unique(values: OptionValues<DoctorFlag>, flag: "vs" | "rs"): ReturnType<typeof parseEndpoint>[] {
  const endpoints = values.readList(flag, parseEndpoint);
  return [...new Map(endpoints.map((endpoint) => [formatEndpoint(endpoint), endpoint])).values()];
}
