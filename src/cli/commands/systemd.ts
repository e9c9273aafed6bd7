import { CARE_OPTION_ROWS } from "../../config/care-option-rows.ts";
import type { OptionRow } from "../../config/option-row.ts";
import { argumentsOf } from "../../config/read-argv.ts";
import { resolveCareOptions } from "../../config/resolve-care-options.ts";
import { parseAbsolutePath } from "../../config/value-parsers.ts";
import { formatEndpoint } from "../../domain/endpoint.ts";
import { renderSystemdUnit } from "../../manifest/systemd-unit.ts";
import { command } from "../command.ts";

/** Flags of `lvscare care` that make sense for a service. */
const SERVICE_OPTION_ROWS: readonly OptionRow[] = CARE_OPTION_ROWS.filter(
  ({ flag }) => flag !== "run-once" && flag !== "clean",
);

/** `lvscare systemd`: a unit for hosts without kubelet. */
export const systemdCommand = command(
  {
    name: "systemd",
    about:
      "Prints a systemd service that runs lvscare care with these flags and with few rights, for hosts without kubelet.",
    synopsis: "--vs <IP:port> --rs <IP:port>... [flags]",
    rows: [
      {
        flag: "binary",
        kind: "text",
        valueName: "path",
        takesFile: true,
        default: "/usr/local/bin/lvscare",
        help: "where lvscare is installed",
        group: "Flags",
      },
    ],
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
  },
  {
    read(values, { given }) {
      const binary = values.read("binary", parseAbsolutePath);
      const { service } = resolveCareOptions({ given, problems: values.problems }, {});
      return { binary, service, args: ["care", ...argumentsOf(given, SERVICE_OPTION_ROWS)] };
    },
    async run({ binary, service, args }, { out }) {
      await out.write(renderSystemdUnit({ binary, args, address: formatEndpoint(service.endpoint) }));
      return 0;
    },
  },
);
