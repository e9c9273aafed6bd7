import { addressAndPort } from "./address-and-port.ts";

// The other side of client.ts: commands on stdin, an answer to each on stdout.

/** Nobody answers within that: a machine with much to do takes its time. */
const TIMEOUT_MS = 60_000;
/** Without a pause it would take the processor from those that it tests. */
const PAUSE_MS = 20;

let target = { hostname: "", port: 0 };
let answers: Record<string, number> = {};
let loading = false;
let load = Promise.resolve();

console.log("ready");
for await (const line of console) {
  const [command = "", argument = ""] = line.split(" ");
  console.log(await execute(command, argument));
}

async function execute(command: string, argument: string): Promise<string> {
  switch (command) {
    case "target":
      target = addressAndPort(argument);
      return "done";
    case "request":
      answers = {};
      for (let left = Number(argument); left > 0; left--) note(await request());
      return JSON.stringify(answers);
    case "begin":
      answers = {};
      loading = true;
      load = requestAgainAndAgain();
      return "done";
    case "count":
      return String(Object.values(answers).reduce((sum, count) => sum + count, 0));
    default:
      loading = false;
      await load;
      return JSON.stringify(answers);
  }
}

async function requestAgainAndAgain(): Promise<void> {
  for (;;) {
    if (!loading) return;
    note(await request());
    await Bun.sleep(PAUSE_MS);
  }
}

function note(answer: string): void {
  answers[answer] = (answers[answer] ?? 0) + 1;
}

/** The body of the answer, or what went wrong. */
function request(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const deadline = setTimeout(() => resolve("timed out"), TIMEOUT_MS);
  const end = (error?: Error): void => {
    const body = /^HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n([^]+)$/.exec(text)?.[1];
    resolve(body ?? (error === undefined ? `broken answer: ${text}` : error.message));
  };
  Bun.connect({
    ...target,
    socket: {
      open: (socket) => void socket.write("GET / HTTP/1.1\r\nHost: test\r\n\r\n"),
      data: (_, chunk) => void (text += chunk.toString()),
      close: (_, error) => end(error),
      connectError: (_, error) => end(error),
    },
  }).catch(end);
  return promise.finally(() => clearTimeout(deadline));
}
