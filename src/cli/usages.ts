import { CARE_USAGE } from "./commands/care.ts";
import { CHECK_USAGE } from "./commands/check.ts";
import { DRAIN_USAGE } from "./commands/drain.ts";
import { DOCTOR_USAGE } from "./commands/doctor.ts";
import { EVENTS_USAGE } from "./commands/events.ts";
import { IPVS_USAGE } from "./commands/ipvs.ts";
import { MACHINE_USAGE } from "./commands/machine.ts";
import { SIMULATE_USAGE } from "./commands/simulate.ts";
import { STATIC_POD_USAGE } from "./commands/static-pod.ts";
import { STATUS_USAGE } from "./commands/status.ts";
import { SYSTEMD_USAGE } from "./commands/systemd.ts";
import { UNDRAIN_USAGE } from "./commands/undrain.ts";
import { VERSION_USAGE } from "./commands/version.ts";
import { WEIGHT_USAGE } from "./commands/weight.ts";
import type { CommandUsage } from "./usage.ts";

/** Of every command with flags, in the order of the help; only completions and the manual need them all. */
export const USAGES: readonly CommandUsage[] = [
  CARE_USAGE,
  IPVS_USAGE,
  STATUS_USAGE,
  EVENTS_USAGE,
  CHECK_USAGE,
  DRAIN_USAGE,
  UNDRAIN_USAGE,
  WEIGHT_USAGE,
  DOCTOR_USAGE,
  STATIC_POD_USAGE,
  SYSTEMD_USAGE,
  SIMULATE_USAGE,
  MACHINE_USAGE,
  VERSION_USAGE,
];
