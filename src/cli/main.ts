#!/usr/bin/env bun
import { processContext } from "./cli-context.ts";
import { exit } from "./exit.ts";
import { runCli } from "./run-cli.ts";

if (Bun.isMainThread) {
  const context = processContext();
  await exit(await runCli(process.argv.slice(2), context), [context.out, context.err]);
} else {
  const { answerLocateJob } = await import("../app/locate-worker.ts");
  await answerLocateJob();
}
