import { exitNow } from "../../src/cli/exit.ts";
import { listenForStop } from "../../src/cli/stopping.ts";

using stop = listenForStop(() => exitNow(1));
stop.signal.addEventListener("abort", () => console.log("stopping"));
console.log("ready");
const stayAlive = setInterval(() => undefined, 60_000);
// Until the test is through with us.
await Bun.stdin.text();
clearInterval(stayAlive);
