/**
 * The SDK. Importing it does nothing but define: no handle is opened, no module of the kernel is touched.
 */
export {
  addressBytes,
  addressFromBytes,
  formatEndpoint,
  parseAddress,
  parseEndpoint,
  type Endpoint,
  type Family,
} from "./domain/endpoint.ts";
export { formatDuration, parseDuration } from "./domain/duration.ts";
export {
  formatServiceKey,
  NO_TRAFFIC,
  realServer,
  SCHEDULERS,
  SERVICE_FLAGS,
  virtualServer,
  type Forwarding,
  type ObservedRealServer,
  type ObservedVirtualServer,
  type Protocol,
  type RealServer,
  type ServiceFlag,
  type ServiceKey,
  type TrafficStats,
  type VirtualServer,
} from "./domain/virtual-server.ts";
export { describeOperation, plan, type DesiredVirtualServer, type Operation } from "./domain/plan.ts";
export type { CertificateFacts, CertificateStatus } from "./domain/certificate.ts";
export { describeError, LvscareError, type ErrorCode, type LvscareErrorOptions } from "./domain/errors.ts";
export {
  REAL_SERVER_STATES,
  type NoVerdict,
  type ProbeOutcome,
  type RealServerState,
  type Verdict,
} from "./domain/health.ts";
export type { DiscoveryEvent } from "./domain/discovery-event.ts";
export type { CareEvent, ReachEvent } from "./domain/events.ts";
export type { LogFields, Logger } from "./domain/logger.ts";
export type {
  CheckedStatus,
  Condition,
  DaemonStatus,
  DataPlaneStatus,
  FailOpenStatus,
  InService,
  LastResortStatus,
  OutOfService,
  ReachStatus,
  WayStatus,
  RealServerStatus,
  StatusReport,
  TransitionStatus,
  VerdictStatus,
  VirtualServerStatus,
} from "./domain/status.ts";
export {
  createLvscare,
  type EventsOptions,
  type HoldOptions,
  type Lvscare,
  type TargetOptions,
  type UpdateReport,
} from "./app/lvscare.ts";
export type { LvscareEvent } from "./app/event-queue.ts";
export type { DiscoveryStatus } from "./domain/members.ts";
export type {
  CombinationConfig,
  DiscoverConfig,
  LvscareConfig,
  PersistenceConfig,
  ProbeConfig,
  RealServerConfig,
  Time,
  VirtualServerConfig,
  VirtualServerDefaults,
} from "./config/file/config-types.ts";
export { UsageError } from "./config/usage-error.ts";
export type { EventRecord } from "./domain/event-record.ts";
export type { Hold } from "./domain/hold.ts";
export type { Named } from "./domain/name.ts";
export type { NamedVirtualServer, OfVirtualServer } from "./domain/virtual-server-name.ts";
export type { CheckReport, HoldReport } from "./domain/operator.ts";
export { createCare, type Care, type CareSettings } from "./app/sdk.ts";
export type { StaticPodOptions } from "./domain/static-pod-options.ts";
export { renderStaticPod } from "./manifest/static-pod.ts";
export { renderSystemdUnit, type SystemdUnitOptions } from "./manifest/systemd-unit.ts";
export { VERSION } from "./app/version.ts";
