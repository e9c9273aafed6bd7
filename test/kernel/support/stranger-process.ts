/**
 * Claims the names it is given; or fills the queues of those who have them, again and again; or listens at these paths, answers nothing and tells of
 * each connection. Says when it is ready, and ends with its standard input.
 */
import { claimName } from "#native";

const [what = "", ...names] = process.argv.slice(2);

/** Longer than any queue for connections that nobody takes out. */
const QUEUE = 5000;

function fill(): void {
  // A connection that is closed again stays in the queue.
  for (const name of names) for (let asked = 0; asked < QUEUE && isAnswered(name); asked++);
}

function isAnswered(name: string): boolean {
  const outcome = claimName(name);
  return "heldBy" in outcome && outcome.heldBy.uid >= 0;
}

function claim(name: string): void {
  if ("heldBy" in claimName(name)) throw new Error(`${name} is taken`);
}

function listen(path: string): void {
  Bun.listen({ unix: path, socket: { open: () => void process.stdout.write("asked\n"), data: () => undefined } });
}

switch (what) {
  case "fill":
    fill();
    setInterval(fill, 100);
    break;
  case "claim":
    names.forEach(claim);
    break;
  default:
    names.forEach(listen);
}
process.stdout.write("ready\n");
for await (const _ of Bun.stdin.stream());
process.exit(0);
