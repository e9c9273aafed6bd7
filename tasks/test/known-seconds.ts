/** Seconds that files take in a lab on two processors at rest; the order in which they are started depends on them, and which share a guest. */
const KNOWN: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  uml: {
    "test/kernel/faults.test.ts": 70,
    "test/kernel/sentinel.test.ts": 75,
    "test/kernel/reach-link.test.ts": 57,
    "test/kernel/scale.test.ts": 57,
    "test/kernel/reach-route.test.ts": 49,
    "test/kernel/story.test.ts": 36,
    "test/kernel/faulty-servers.test.ts": 45,
    "test/kernel/reloads.test.ts": 45,
    "test/kernel/owners.test.ts": 41,
    "test/kernel/repair.test.ts": 38,
    "test/kernel/doctor.test.ts": 36,
    "test/kernel/reach-route-options.test.ts": 33,
    "test/kernel/dry-run.test.ts": 32,
    "test/kernel/obstacles.test.ts": 30,
    "test/kernel/last-resort.test.ts": 28,
    "test/kernel/restart.test.ts": 24,
    "test/kernel/way.test.ts": 24,
    "test/kernel/one-shot.test.ts": 19,
    "test/kernel/doctor-beside.test.ts": 17,
    "test/kernel/missing.test.ts": 16,
    "test/kernel/suspicion.test.ts": 16,
    "test/kernel/several.test.ts": 15,
    "test/kernel/deliveries.test.ts": 14,
    "test/kernel/binary.test.ts": 14,
    "test/kernel/guide.test.ts": 13,
    "test/kernel/guide-bare.test.ts": 12,
    "test/kernel/neighbours.test.ts": 13,
    "test/kernel/ipv6.test.ts": 10,
    "test/kernel/checks.test.ts": 9,
    "test/kernel/readme.test.ts": 14,
    "test/kernel/status.test.ts": 8,
    "test/kernel/ipvs-plane.test.ts": 8,
    "test/kernel/userspace.test.ts": 7,
    "test/kernel/demo.test.ts": 7,
    "test/kernel/reach-changes.test.ts": 4,
    "test/kernel/loopback-address.test.ts": 4,
    "test/kernel/smoke.test.ts": 4,
    "test/kernel/ipvs-contract.test.ts": 3,
  },
  "qemu-6.12": {
    "test/kernel/reach-link.test.ts": 90,
    "test/kernel/reach-route.test.ts": 75,
    "test/kernel/doctor.test.ts": 55,
    "test/kernel/reach-link-nftables.test.ts": 30,
  },
};
const OTHER_SECONDS = 20;

export function secondsOf(lab: string, file: string): number {
  return KNOWN[lab]?.[file] ?? OTHER_SECONDS;
}
