import { CARE_OPTION_ROWS, CONFIG_OPTION_ROW } from "../../config/care-option-rows.ts";
import { parseServiceConfigPath, readConfigPath } from "../../config/config-path.ts";
import type { OptionRow } from "../../config/option-row.ts";
import { argumentsOf } from "../../config/read-argv.ts";
import { resolveCareOptions } from "../../config/resolve-care-options.ts";
import { resolveConfigCall } from "../../config/resolve-config-call.ts";
import { parseAbsolutePath } from "../../config/value-parsers.ts";
import { formatEndpoint } from "../../domain/endpoint.ts";
import { renderSystemdUnit, type SystemdUnitOptions } from "../../manifest/systemd-unit.ts";
import { command } from "../command.ts";

/** Flags of `lvscare care` that make sense for a service. */
const SERVICE_OPTION_ROWS: readonly OptionRow[] = [CONFIG_OPTION_ROW, ...CARE_OPTION_ROWS].filter(
  ({ flag }) => flag !== "run-once" && flag !== "clean",
);

/** `lvscare systemd`: a unit for hosts without kubelet. */
export const systemdCommand = command(
  {
    name: "systemd",
    about:
      "Prints a systemd service that runs lvscare care with these flags and with few rights, for hosts without kubelet.",
    synopsis: "--vs <IP:port> --rs <IP:port>... [flags] | --config <file> [flags]",
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
      { about: "for what a file says", command: "lvscare systemd --config /etc/lvscare/care.yaml" },
    ],
    notes: [
      "With --config, the file is read by the service and not by this command: lvscare check-config checks it.",
      "All flags of lvscare care are taken but --run-once and --clean; they are checked first.",
      "Write it to /etc/systemd/system/lvscare.service, then: systemctl daemon-reload && systemctl enable --now lvscare",
    ],
  },
  {
    read(values, { given }): SystemdUnitOptions | undefined {
      const binary = values.read("binary", parseAbsolutePath);
      const args = ["care", ...argumentsOf(given, SERVICE_OPTION_ROWS)];
      const ofCare = new Map([...given].filter(([flag]) => flag !== "binary"));
      const { problems } = values;
      const call = resolveConfigCall({ given: ofCare, problems }, {}, []);
      if (call === undefined) {
        const { service } = resolveCareOptions({ given, problems }, {});
        return { binary, address: formatEndpoint(service.endpoint), args };
      }
      const configFile = readConfigPath(ofCare, problems, parseServiceConfigPath);
      return configFile === undefined ? undefined : { binary, configFile, args };
    },
    async run(unit, { out }) {
      await out.write(renderSystemdUnit(unit));
      return 0;
    },
  },
);
