import { defineCommand, type CommandDef } from "citty";
import { argumentsOf } from "../../config/arguments-of.ts";
import { OptionValues } from "../../config/option-values.ts";
import { readArgv } from "../../config/read-argv.ts";
import { resolveCareOptions } from "../../config/resolve-care-options.ts";
import { SERVICE_OPTION_ROWS, SYSTEMD_OPTION_ROWS, type SystemdFlag } from "../../config/systemd-option-rows.ts";
import { UsageError } from "../../config/usage-error.ts";
import { parseAbsolutePath } from "../../config/value-parsers.ts";
import { formatEndpoint } from "../../domain/endpoint.ts";
import { renderSystemdUnit } from "../../manifest/systemd-unit.ts";
import type { CliContext } from "../cli-context.ts";
import { createPaint } from "../colour.ts";
import { renderUsage, type CommandUsage } from "../usage.ts";

/** `lvscare systemd`: a unit for hosts without kubelet. */
export function systemdCommand(context: CliContext): CommandDef {
  return defineCommand({
    meta: { name: SYSTEMD_USAGE.name },
    async run({ rawArgs }) {
      const reading = readArgv(rawArgs, [...SYSTEMD_OPTION_ROWS, ...SERVICE_OPTION_ROWS]);
      if (reading.help) {
        await context.out.write(renderUsage(SYSTEMD_USAGE, createPaint(context.outColour)));
        return 0;
      }
      const values = new OptionValues<SystemdFlag>(SYSTEMD_OPTION_ROWS, reading.given);
      const binary = values.read("binary", parseAbsolutePath);
      const problems = [...reading.problems, ...values.problems];
      const { service } = resolveCareOptions({ given: reading.given, problems }, {});
      if (problems.length > 0) throw new UsageError(problems);
      const args = ["care", ...argumentsOf(reading.given, SERVICE_OPTION_ROWS)];
      await context.out.write(renderSystemdUnit({ binary, args, address: formatEndpoint(service.endpoint) }));
      return 0;
    },
  });
}

export const SYSTEMD_USAGE: CommandUsage = {
  name: "systemd",
  about:
    "Prints a systemd service that runs lvscare care with these flags and with few rights, for hosts without kubelet.",
  synopsis: "--vs <IP:port> --rs <IP:port>... [flags]",
  rows: SYSTEMD_OPTION_ROWS,
  borrowed: SERVICE_OPTION_ROWS,
  examples: [
    {
      about: "for three API servers",
      command:
        "lvscare systemd --vs 10.103.97.12:6443 --rs 192.168.0.2:6443 --rs 192.168.0.3:6443 --rs 192.168.0.4:6443 --mode link",
    },
  ],
  notes: [
    "All flags of lvscare care are taken but --run-once and --clean; they are checked first.",
    "Write it to /etc/systemd/system/lvscare.service, then: systemctl daemon-reload && systemctl enable --now lvscare",
  ],
};
