import type { OptionRow } from "../../config/option-row.ts";
import { parseMode } from "../../config/resolve-reach.ts";
import { parseBoolean, parseChoice } from "../../config/value-parsers.ts";
import { command } from "../command.ts";
import { ownLines } from "../output.ts";

/** `lvscare sysctls`: the kernel settings that daemons with few rights cannot make. */
export const sysctlsCommand = command(
  {
    name: "sysctls",
    about:
      "Prints the kernel settings that a daemon in this mode wants, as a file for /etc/sysctl.d. A daemon makes them itself where it may; in a " +
      "container that is not privileged it may not. Those of IPVS are there once its module is loaded.",
    synopsis: "[flags]",
    rows: [
      {
        flag: "mode",
        kind: "text",
        valueName: "mode",
        choices: ["route", "link", "none"],
        default: "route",
        help: "that of the daemon",
        group: "Flags",
      },
      {
        flag: "family",
        kind: "text",
        valueName: "family",
        choices: ["ipv4", "ipv6"],
        default: "ipv4",
        help: "that of the virtual address",
        group: "Flags",
      },
      {
        flag: "strict-arp",
        kind: "boolean",
        help: "also those of the daemon's --strict-arp",
        group: "Flags",
      },
      {
        flag: "set",
        kind: "boolean",
        help: "load IPVS and make them now, until the next boot, instead of printing them",
        group: "Flags",
      },
    ] as const satisfies readonly OptionRow[],
    examples: [
      {
        about: "for every boot, and for now",
        command: "lvscare sysctls --mode link > /etc/sysctl.d/90-lvscare.conf && lvscare sysctls --mode link --set",
      },
    ],
    notes: ["At boot the module has to come first: echo ip_vs > /etc/modules-load.d/lvscare.conf"],
  },
  {
    read: (values) => ({
      mode: values.read("mode", parseMode),
      family: values.read("family", parseChoice(["ipv4", "ipv6"])),
      strictArp: values.read("strict-arp", parseBoolean),
      set: values.read("set", parseBoolean),
    }),
    async run({ set, ...options }, { out, err }) {
      const { kernelSettingsFile, setKernelSettings } = await import("../../app/kernel-settings.ts");
      if (set) await err.remark(ownLines(await setKernelSettings(options)));
      else await out.write(kernelSettingsFile(options));
      return 0;
    },
  },
);
