import type { CareOptions } from "../config/care-options.ts";
import type { HealthCheckOptions } from "../config/combination.ts";
import type { Endpoint } from "../domain/endpoint.ts";
import type { VirtualServerConfiguration } from "../domain/virtual-server-configuration.ts";
import type { Phase } from "./behaviour.ts";

/** What to simulate, validated. Times are whole milliseconds since the start. */
export interface Scenario {
  readonly options: CareOptions;
  /** How its real servers are checked: that of the options is what flags make of it. */
  readonly checks: HealthCheckOptions;
  /** In the order of time, and of the file where times are the same. */
  readonly events: readonly ScenarioEvent[];
  readonly durationMs: number;
  readonly requestsPerSecond: number;
  /** How long the connection of a request stays open. */
  readonly connectionsLastMs: number;
  readonly seed: number;
}

export type ScenarioEvent = {
  readonly atMs: number;
  /** As it was written, without the time. */
  readonly text: string;
} & (
  | { readonly kind: "server"; readonly server: Endpoint; readonly phases: readonly Phase[] }
  | { readonly kind: "others"; readonly change: OutsideChange }
  | { readonly kind: "data-plane"; readonly fault: PlaneFault }
  | { readonly kind: "daemon"; readonly act: DaemonAct }
  | {
      readonly kind: "configuration";
      /** What differs from then on; undefined: the virtual server is not configured any more. */
      readonly change: Partial<VirtualServerConfiguration> | undefined;
      /** How its real servers are to be checked from then on, where that differs. */
      readonly checks?: HealthCheckOptions;
    }
);

/** What others do to the virtual server. */
export type OutsideChange =
  | { readonly kind: "deleteService" }
  | { readonly kind: "delete"; readonly server: Endpoint }
  | { readonly kind: "put"; readonly server: Endpoint; readonly weight: number };

export type PlaneFault =
  | { readonly kind: "works" }
  | { readonly kind: "refusesReads" }
  | { readonly kind: "refusesWrites" }
  | { readonly kind: "refusesServer"; readonly server: Endpoint }
  | { readonly kind: "takes"; readonly latencyMs: number };

export type DaemonAct =
  | { readonly kind: "stalls"; readonly forMs: number }
  /** Killed, and started again after this time. */
  | { readonly kind: "restarts"; readonly afterMs: number };
