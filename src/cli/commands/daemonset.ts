import { DAEMON_SET_OPTION_ROWS, ON_EVERY_NODE } from "../../config/daemon-set-option-rows.ts";
import { remarksOnPage, resolveDaemonSet } from "../../config/resolve-daemon-set.ts";
import { renderDaemonSet } from "../../manifest/daemon-set.ts";
import { command } from "../command.ts";
import { ownLines } from "../output.ts";

/** `lvscare daemonset`: a daemon on every node of a cluster. */
export const daemonsetCommand = command(
  {
    name: "daemonset",
    about:
      "Prints the objects that run lvscare care with these flags on every node of a cluster: a service account, the right to watch the " +
      "endpoints that --discover names, and a DaemonSet whose daemon has a read-only root and no capability but NET_ADMIN. The kernel settings of the mode, which it may not make like that, " +
      "are made before it starts, by a privileged container that ends; --least-privilege goes without.",
    synopsis: "--vs <IP:port> [--rs <IP:port>...] [--discover kubernetes[:namespace/service]] [flags]",
    rows: DAEMON_SET_OPTION_ROWS,
    borrowed: ON_EVERY_NODE,
    examples: [
      {
        about: "a virtual address for a service, its members from the cluster",
        command:
          "lvscare daemonset --vs 10.30.0.1:80 --discover kubernetes:shop/web --health-schem http --mode link --http-listen 0.0.0.0:9105 | kubectl apply -f -",
      },
    ],
    notes: [
      "All flags of lvscare care are taken but --run-once and --clean; they are checked first.",
      "For the API servers themselves a static pod is better: it needs none of them to begin.",
    ],
  },
  {
    read: (_, reading) => resolveDaemonSet(reading),
    async run(options, { out, err }) {
      await err.remark(ownLines(remarksOnPage(options.page)));
      await out.write(renderDaemonSet(options));
      return 0;
    },
  },
);
