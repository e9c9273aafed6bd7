/** Seconds that the longest files take in a lab on two processors at rest; only the order in which they are started depends on them. */
const KNOWN: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  uml: {
    "test/kernel/faults.test.ts": 100,
    "test/kernel/reach-link.test.ts": 100,
    "test/kernel/sentinel.test.ts": 90,
    "test/kernel/reach-route.test.ts": 70,
    "test/kernel/reach-route-options.test.ts": 60,
    "test/kernel/doctor.test.ts": 50,
    "test/kernel/doctor-beside.test.ts": 40,
    "test/kernel/owners.test.ts": 70,
    "test/kernel/scale.test.ts": 70,
    "test/kernel/faulty-servers.test.ts": 65,
    "test/kernel/last-resort.test.ts": 45,
    "test/kernel/story.test.ts": 40,
    "test/kernel/obstacles.test.ts": 35,
    "test/kernel/one-shot.test.ts": 35,
    "test/kernel/repair.test.ts": 35,
    "test/kernel/restart.test.ts": 30,
    "test/kernel/deliveries.test.ts": 30,
    "test/kernel/dry-run.test.ts": 75,
    "test/kernel/reloads.test.ts": 50,
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
