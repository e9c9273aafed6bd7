#!/usr/bin/env bun
import { processContext } from "./cli-context.ts";
import { exit } from "./exit.ts";
import { runCli } from "./run-cli.ts";

const context = processContext();
await exit(await runCli(process.argv.slice(2), context), [context.out, context.err]);
