import { setUp } from "./setup.ts";

/** `bun run demo`: the main job in front of one's eyes, in about ten seconds. */
await setUp();
const { playDemo } = await import("./demo/play.ts");
process.exitCode = await playDemo();
