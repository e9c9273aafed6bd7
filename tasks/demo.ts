import { setUp } from "./setup.ts";

/** `bun run demo`: the main job in front of one's eyes, in about five seconds. */
await setUp();
const { runDemo } = await import("./demo/run-demo.ts");
process.exitCode = await runDemo(process.argv.slice(2));
