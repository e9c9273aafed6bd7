import { expect, test } from "bun:test";
import { readAgentLine, type AgentWords } from "../../../src/probe/agent/agent-line.ts";

/** Lines as HAProxy's documentation of `agent-check` has them, and what they mean. */
const LINES: readonly (readonly [line: string, words: AgentWords])[] = [
  ["75%", { weight: { percent: 75 } }],
  ["100%", { weight: { percent: 100 } }],
  ["0%", { weight: { percent: 0 } }],
  ["maxconn:30", { limit: 30 }],
  ["ready", { admin: "ready" }],
  ["drain", { admin: "drain" }],
  ["maint", { admin: "maintenance" }],
  ["down", { health: "down" }],
  ["fail", { health: "fail" }],
  ["stopped", { health: "stopped" }],
  ["up", { health: "up" }],
  ["down #disk is full", { health: "down", description: "disk is full" }],
  ["fail#too many errors, really", { health: "fail", description: "too many errors, really" }],
  // Several words, in any order and case, divided by blanks, tabs and commas.
  ["up ready 50%", { health: "up", admin: "ready", weight: { percent: 50 } }],
  ["50%,UP\tReady,,  maxconn:7", { health: "up", admin: "ready", weight: { percent: 50 }, limit: 7 }],
  // Of one matter the last word counts.
  ["up down", { health: "down" }],
  ["10% 20%", { weight: { percent: 20 } }],
  ["drain maint ready", { admin: "ready" }],
  // What HAProxy does not have.
  ["weight:30", { weight: { weight: 30 } }],
  ["weight:75%", { weight: { percent: 75 } }],
  ["weight:256", { weight: { weight: 256 } }],
  // What nobody knows: the first of that.
  ["weight:257", { unknown: "weight:257" }],
  ["75", { unknown: "75" }],
  ["-5%", { unknown: "-5%" }],
  ["7.5%", { unknown: "7.5%" }],
  ["maxconn:x up maxconn:", { health: "up", unknown: "maxconn:x" }],
  ["maxconn:99999999999", { unknown: "maxconn:99999999999" }],
  ["", {}],
  ["# only this", { description: "only this" }],
  ["up #\u001B[31mred\u0007", { health: "up", description: "[31mred" }],
];

test.each(LINES)("%j", (line, words) => expect(readAgentLine(line)).toEqual(words));

test("what is told of a long line is short", () => {
  expect(readAgentLine(`up #${"x".repeat(900)}`).description).toBe(`${"x".repeat(200)}…`);
  expect(readAgentLine("y".repeat(900)).unknown).toBe(`${"y".repeat(200)}…`);
});
