import { command } from "../command.ts";

/** `lvscare licences`: the notices that belong to the program, wherever it was copied to. */
export const licencesCommand = command(
  {
    name: "licences",
    about: "Prints the licence of LVScare, and the notices of the libraries and the runtime that are inside of it.",
    synopsis: "",
    rows: [],
    examples: [{ about: "all of them", command: "lvscare licences" }],
  },
  {
    read: () => ({}),
    async run(_, { out }) {
      const { renderLicences } = await import("../licences-text.ts");
      await out.write(renderLicences());
      return 0;
    },
  },
);
