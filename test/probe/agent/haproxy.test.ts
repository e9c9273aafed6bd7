import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { formatEndpoint, type Endpoint } from "../../../src/domain/endpoint.ts";
import { AgentMemory } from "../../../src/probe/agent/agent-memory.ts";
import { waitFor } from "../../kernel/support/wait-for.ts";
import { folder, installServers, startProgram } from "../support/programs.ts";

setDefaultTimeout(120_000);
beforeAll(installServers, 300_000);

/** Said one after the other: what a line does not name is as it was before. */
const LINES = [
  "up",
  "75%",
  "up 50%",
  "drain",
  "ready",
  "maint",
  "drain",
  "ready",
  "down #disk is full",
  "75%",
  "up",
  "stopped",
  "up ready 100%",
  "fail",
  "UP,50%\tmaxconn:7",
  "foo",
  "20% foo",
  "foo 30%",
  "up down",
  "down up",
  "drain ready",
  "0%",
  "100%",
  "-5%",
  "7.5%",
  "75",
  "#up",
  "",
  "maxconn:x up",
  "down maint",
  "ready",
  "up 200%",
];

test("what an agent says means to HAProxy itself what it means here", async () => {
  let [said, asked] = ["up", 0];
  const ignore = (): void => undefined;
  const agent = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        asked++;
        socket.end(`${said}\n`);
      },
      data: ignore,
      error: ignore,
    },
  });
  using files = folder();
  // A check of it waits for as long as this process gets no turn: one that had been given up would be counted here, and not heard there.
  await using haproxy = await startProgram((port) => [
    "haproxy",
    "-db",
    "-f",
    files.write(
      "haproxy.cfg",
      `global
  stats socket ipv4@127.0.0.1:${port} level operator
defaults
  mode tcp
  timeout connect 1s
  timeout client 1s
  timeout server 1s
  timeout check 60s
backend all
  server one 127.0.0.1:9 weight 100 agent-check agent-port ${agent.port} agent-inter 50ms
`,
    ),
  ]);
  const memory = new AgentMemory(1, 0);
  for (const line of LINES) {
    said = line;
    const before = asked;
    // Of the third, both that came before it have been heard.
    await waitFor(
      () => asked,
      (now) => now >= before + 3,
    );
    const { status, weight, slim } = await standing(haproxy.endpoint);
    // One that says nothing that is known leaves all as it was.
    memory.heard(line, 0);
    const { health, admin, weight: advice, limit } = memory.words;
    const percent = advice === undefined ? 100 : "percent" in advice ? advice.percent : 0;
    const isUp = health === undefined || health === "up";
    const state = admin === "maintenance" ? "MAINT" : admin === "drain" ? "DRAIN" : isUp ? "UP" : "DOWN";
    expect([line, status, weight, slim]).toEqual([line, state, percent, limit]);
  }
  agent.stop(true);
});

// --- internal ---

/** How HAProxy's one server stands. */
async function standing(
  endpoint: Endpoint,
): Promise<{ readonly status: string; readonly weight: number; readonly slim: number | undefined }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let text = "";
  const socket = await Bun.connect({
    hostname: endpoint.address,
    port: endpoint.port,
    socket: { data: (_, bytes) => void (text += bytes.toString()), close: () => resolve() },
  });
  socket.write("show stat\n");
  await promise;
  const [names = [], ...rows] = text
    .trim()
    .split("\n")
    .map((row) => row.replace(/^# /, "").split(","));
  const row = rows.find((one) => one[names.indexOf("svname")] === "one");
  if (row === undefined) throw new Error(`${formatEndpoint(endpoint)} told of no server: ${text}`);
  const field = (name: string): string => row[names.indexOf(name)] ?? "";
  const [word = ""] = field("status").split(" ");
  return {
    // It is not checked otherwise.
    status: word === "no" ? "UP" : word,
    weight: Number(field("weight")),
    slim: field("slim") === "" ? undefined : Number(field("slim")),
  };
}
