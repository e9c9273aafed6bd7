import { outputRow, readVirtualServers, virtualServersRow } from "../../config/shared-option-rows.ts";
import { parseChoice } from "../../config/value-parsers.ts";
import { createPaint } from "../colour.ts";
import { command } from "../command.ts";
import { formatData, ownLines } from "../output.ts";
import { renderMembers } from "../members-text.ts";

/** `lvscare members`: who the real servers are, and who says so. */
export const membersCommand = command(
  {
    name: "members",
    about:
      "Shows where the real servers of each virtual server come from: the configuration, a source that lists them, or what is remembered " +
      "of one; since when; and why one counts although its source does not list it, or does not count although it does.",
    synopsis: "[flags]",
    rows: [
      virtualServersRow("only those of this virtual server"),
      outputRow(["table", "json", "yaml"], "table for people, json or yaml for programs"),
    ],
    examples: [
      { about: "who is listed, and by whom", command: "lvscare members" },
      { about: "for scripts", command: "lvscare members --vs 10.103.97.12:6443 -o json" },
    ],
  },
  {
    read: (values) => ({
      format: values.read("output", parseChoice(["table", "json", "yaml"])),
      only: readVirtualServers(values),
    }),
    async run({ format, only }, { out, err, outColour }) {
      const { collectMembers } = await import("../../app/members.ts");
      const { virtualServers, notes } = await collectMembers(only);
      await err.remark(ownLines(notes));
      await out.write(
        format === "table"
          ? renderMembers(virtualServers, new Date(), createPaint(outColour))
          : formatData({ virtualServers }, format),
      );
      return 0;
    },
  },
);
