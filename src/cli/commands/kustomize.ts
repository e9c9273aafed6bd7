import { DAEMON_SET_OPTION_ROWS, ON_EVERY_NODE } from "../../config/daemon-set-option-rows.ts";
import { remarksOnPage, resolveDaemonSet } from "../../config/resolve-daemon-set.ts";
import { UsageError } from "../../config/usage-error.ts";
import { command } from "../command.ts";
import { ownLines } from "../output.ts";

/** `lvscare kustomize`: what `lvscare daemonset` prints, as a base for overlays. */
export const kustomizeCommand = command(
  {
    name: "kustomize",
    about:
      "Writes the objects that `lvscare daemonset` prints as a base for kustomize: a file for each kind, and a kustomization.yaml that names them. " +
      "What differs from cluster to cluster belongs into overlays; the base is written anew by the same line.",
    synopsis: "<directory> --vs <IP:port> [--rs <IP:port>...] [--discover kubernetes[:namespace/service]] [flags]",
    rows: DAEMON_SET_OPTION_ROWS,
    operands: 1,
    borrowed: ON_EVERY_NODE,
    examples: [
      {
        about: "a base, and what comes of it",
        command:
          "lvscare kustomize base --vs 10.30.0.1:80 --discover kubernetes:shop/web --health-schem http --mode link --http-listen 0.0.0.0:9105 && kubectl apply -k base",
      },
    ],
    notes: ["All flags of lvscare care are taken but --run-once and --clean; they are checked first."],
  },
  {
    read(_, reading) {
      const [directory] = reading.operands;
      // With all that is wrong besides.
      const problems =
        directory === undefined ? [...reading.problems, "name a directory to write into"] : reading.problems;
      const options = resolveDaemonSet({ ...reading, problems });
      if (directory === undefined) throw new UsageError(problems);
      return { directory, options };
    },
    async run({ directory, options }, { err }) {
      const { writeKustomization } = await import("../../app/kustomize.ts");
      const written = await writeKustomization(directory, options);
      await err.remark(ownLines(remarksOnPage(options.page)));
      await err.remark(ownLines(written.map((path) => `wrote ${path}`)));
      return 0;
    },
  },
);
