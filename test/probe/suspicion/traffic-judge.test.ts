import { describe, expect, test } from "bun:test";
import { TrafficJudge, type ClientTraffic } from "../../../src/probe/suspicion/traffic-judge.ts";
import { seededRandom } from "../../../src/simulation/seeded-random.ts";

const QUIET_MS = 100;

describe("the judge of clients' traffic", () => {
  test("suspects a server at which connections stay, and nobody is done", () => {
    expect(suspicions([idle(), { ...idle(), active: 1 }, { ...idle(), active: 2 }, { ...idle(), active: 3 }])).toEqual([
      200,
    ]);
  });

  test("not one whose clients come and go", () => {
    const counts = Array.from({ length: 100 }, (_, n) => ({ ...idle(), active: n % 2 }));
    expect(suspicions(counts)).toEqual([]);
  });

  test("nor one of which it is never seen that they go, but that they went", () => {
    const counts = Array.from({ length: 100 }, (_, n) => ({ ...idle(), active: Math.min(1, n), inactive: n }));
    expect(suspicions(counts)).toEqual([]);
  });

  test("one whose new connections wait for its first answer, for as long as they do", () => {
    const waiting = { ...idle(), inactive: 1, halfOpen: 1 };
    expect(suspicions([idle(), waiting, idle(), waiting, waiting])).toEqual([400]);
  });

  test("one to which packets go, and from which none come, whenever the kernel counts", () => {
    const [both, inAlone] = [
      { ...idle(), inPackets: 10, outPackets: 9 },
      { ...idle(), inPackets: 20, outPackets: 9 },
    ];
    expect(suspicions([idle(), both, both, inAlone])).toEqual([300]);
  });

  test("a connection that stays open is a reason once, and then no more", () => {
    const counts = [idle(), ...Array.from({ length: 600 }, () => ({ ...idle(), active: 1 }))];
    expect(suspicions(counts)).toEqual([200]);
  });

  test("asks a server that always looks so more and more seldom, and a quiet one soon again", () => {
    const waiting = { ...idle(), inactive: 1, halfOpen: 1 };
    const always = Array.from({ length: 100 }, () => waiting);
    expect(suspicions(always)).toEqual([100, 400, 900, 1900, 3900, 5900, 7900, 9900]);
    const later = Array.from({ length: 150 }, () => idle());
    expect(suspicions([...always, ...later, ...always]).slice(8)).toEqual([
      25_100, 25_400, 25_900, 26_900, 28_900, 30_900, 32_900, 34_900,
    ]);
  });

  test("of an hour under load, with losses, pauses and slow answers, nothing lasts: there is an answer to each question", () => {
    const random = seededRandom(22);
    const judge = new TrafficJudge();
    let asked = 0;
    let under: number[] = [];
    let ended = 0;
    for (let nowMs = 0; nowMs < 3_600_000; nowMs += QUIET_MS) {
      // 7 a second, of which one in a hundred takes ten times as long as the others, and one met a pause.
      if (random() < 0.7) {
        const tookMs = 20 * (random() < 0.01 ? 10 : 1) + (random() < 0.01 ? 200 : 0);
        under.push(nowMs - random() * QUIET_MS + tookMs);
      }
      ended += under.filter((endMs) => endMs <= nowMs).length;
      under = under.filter((endMs) => endMs > nowMs);
      const halfOpen = random() < 0.01 ? 1 : 0;
      const traffic = { active: under.length, inactive: ended + halfOpen, inPackets: 0, outPackets: 0, halfOpen };
      if (judge.note(traffic, nowMs, QUIET_MS)) asked++;
    }
    // Each is one request over a connection that stands: fewer by far than the 720 checks of that hour.
    expect(asked).toBeLessThan(500);
  });
});

// --- internal ---

function idle(): ClientTraffic {
  return { active: 0, inactive: 0, inPackets: 0, outPackets: 0, halfOpen: 0 };
}

/** When it was suspect, by counts of every 100 ms. */
function suspicions(counts: readonly ClientTraffic[]): number[] {
  const judge = new TrafficJudge();
  return counts.flatMap((traffic, index) => (judge.note(traffic, index * 100, QUIET_MS) ? [index * 100] : []));
}
