import type { KubeApiserverProbeOptions } from "../../config/probe-kinds/kube-apiserver.ts";
import type { Judgement, JudgeAnswer } from "../http/judgement.ts";
import type { ProbeBody } from "../http/response/response-reader.ts";

/**
 * What an API server's answer says of it. A failing one names its failed checks, a line each: `[-]etcd failed: reason
 * withheld` (kubernetes, apiserver/pkg/server/healthz). One that was told to end fails `shutdown` at once and serves on for
 * its `--shutdown-delay-duration`.
 */
export function readyzJudge({ unauthorized }: Pick<KubeApiserverProbeOptions, "unauthorized">): JudgeAnswer {
  return ({ status, body }, asked): Judgement => {
    const reason = `status ${status}`;
    switch (status) {
      case 200:
        return { passed: true, reason: asked.path === OLD_PATH ? `${reason} of ${OLD_PATH}` : reason };
      case 404:
        // There was no other before Kubernetes 1.16.
        if (asked.path !== OLD_PATH) return { passed: undefined, next: { ...asked, path: OLD_PATH } };
        return { passed: false, reason };
      case 401:
      case 403: {
        const notice = `${reason}: alive, but without credentials it does not say whether it is ready`;
        return unauthorized === "fail" ? { passed: false, reason } : { passed: true, reason: notice, notice };
      }
      case 429:
        // To take it out would only move its load to the others.
        return { passed: true, reason: `${reason}: busy` };
      case 500:
        return judgeTable(failedChecks(body), reason, asked.path);
      default:
        return { passed: false, reason };
    }
  };
}

/** The names of the checks that failed, in their order; at most `MOST_NAMES`. */
export function failedChecks(body: ProbeBody | undefined): readonly string[] {
  const names: string[] = [];
  for (const line of body?.bytes.toString("latin1").split("\n") ?? []) {
    const name = FAILED.exec(line)?.[1];
    if (name !== undefined && names.push(name) === MOST_NAMES) break;
  }
  return names;
}

// --- internal ---

const OLD_PATH = "/healthz";

const FAILED = /^\[-\]([\x21-\x7e]{1,200}) failed\b/;

const MOST_NAMES = 100;

/** More would hide the others in a log's line. */
const MOST_SHOWN = 3;

function judgeTable(failed: readonly string[], status: string, path: string): Judgement {
  const what = path.slice(1).split("?")[0];
  if (failed.includes("shutdown")) return { passed: false, reason: `${what}: shutdown`, leaving: true };
  if (failed.length === 0) return { passed: false, reason: status };
  const isStarting = failed.every((name) => name.startsWith("poststarthook/"));
  const shown = failed.slice(0, MOST_SHOWN).join(", ");
  const more = failed.length > MOST_SHOWN ? ` and ${failed.length - MOST_SHOWN} more` : "";
  return { passed: false, reason: `${isStarting ? "starting" : what}: ${shown}${more}` };
}
