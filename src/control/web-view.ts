import type { RecentChecks } from "../domain/check-marks.ts";
import { describeError } from "../domain/errors.ts";
import type { EventReport } from "../domain/event-record.ts";
import { unreadiness } from "../domain/in-service.ts";
import type { VirtualServerStatus } from "../domain/status.ts";
import { exactWord, isVirtualServerCalled, type NamedVirtualServer } from "../domain/virtual-server-name.ts";
import { briefStatus } from "./brief-status.ts";
import { EventStream } from "./event-stream.ts";
import { LastSecond } from "./last-second.ts";
import { virtualServerOverview, type Overview, type VirtualServerOverview } from "./overview.ts";
import type { FailedChecks } from "./real-server-report.ts";
import { canonical, sharePending } from "./requests.ts";
import type { StreamSources } from "./stream-listener.ts";
import { changeOf, patchOf, withoutTimings, type WithRealServers } from "./status-change.ts";

/** A virtual server that is told of over HTTP. */
export interface WebVirtualServer {
  readonly named: NamedVirtualServer;
  status(): Promise<VirtualServerStatus>;
  events(after: number): EventReport;
  /** What became of the last checks of its real servers. */
  readonly checks: RecentChecks;
  /** The last times that checks of a real server failed. */
  failuresOf(server: string): readonly FailedChecks[];
}

/** What is served of one virtual server. */
export interface View extends WebVirtualServer {
  readonly stream: EventStream<VirtualServerStatus, WithRealServers>;
  readonly report: LastSecond<string>;
  /** Why it is not ready. */
  readonly unreadiness: LastSecond<string | undefined>;
}

export function viewOf(source: WebVirtualServer, now: () => number): View {
  // Requests at the same time share one look at the table.
  const status = sharePending(() => source.status());
  const events = (after: number): EventReport => source.events(after);
  return {
    named: source.named,
    status,
    events,
    checks: source.checks,
    failuresOf: (server) => source.failuresOf(server),
    stream: new EventStream(statusSources({ status, events, checks: source.checks })),
    report: new LastSecond(async () => JSON.stringify(await status()), now),
    unreadiness: new LastSecond(async () => unreadiness(await status()), now),
  };
}

/** Tells of one. */
export function statusSources({
  status,
  events,
  checks,
}: Pick<WebVirtualServer, "status" | "events" | "checks">): StreamSources<VirtualServerStatus, WithRealServers> {
  return {
    kind: "status",
    read: status,
    slim: withoutTimings,
    brief: (reading) => briefStatus(reading, Date.now()),
    changeOf,
    events,
    checks,
  };
}

/** Tells of all of them at once. */
export function overviewStream(views: () => readonly View[]): EventStream<Overview, Overview> {
  return new EventStream<Overview, Overview>({
    kind: "overview",
    read: () => overviewOf(views()),
    slim: (reading) => reading,
    brief: (reading) => reading,
    changeOf: patchOf,
  });
}

/** All, where none is named. */
export function called(word: string | null, views: readonly View[]): readonly View[] {
  if (word === null) return views;
  const meant = canonical(word);
  return views.filter(({ named }) => isVirtualServerCalled(meant, named));
}

/** By which `?vs=` names it, and no other. */
export function wordOf({ named }: View, views: readonly View[]): string {
  return exactWord(
    named,
    views.map((view) => view.named),
  );
}

export function listed(views: readonly View[]): string {
  const more = views.length > MOST_NAMED ? `, and ${views.length - MOST_NAMED} more` : "";
  return `${views
    .slice(0, MOST_NAMED)
    .map((view) => wordOf(view, views))
    .join(", ")}${more}`;
}

// --- internal ---

const MOST_NAMED = 10;

async function overviewOf(views: readonly View[]): Promise<Overview> {
  const all = await Promise.all(
    views.map(async (view): Promise<[string, VirtualServerOverview, VirtualServerStatus | undefined]> => {
      const word = wordOf(view, views);
      try {
        const status = await view.status();
        return [word, virtualServerOverview(status, view.checks), status];
      } catch (error) {
        const nothing = {
          scheduler: "",
          healthy: 0,
          out: {},
          checks: "",
          stats: { connections: 0, bytes: 0 },
          activeConnections: 0,
        };
        return [word, { ...view.named, ...nothing, problem: describeError(error) }, undefined];
      }
    }),
  );
  const daemon = all.find(([, , status]) => status?.daemon !== undefined)?.[2]?.daemon;
  return {
    ...(daemon?.host !== undefined && { host: daemon.host }),
    ...(daemon && { version: daemon.version, startedAt: daemon.startedAt }),
    virtualServers: Object.fromEntries(all.map(([word, overview]) => [word, overview])),
  };
}
