/** Claims the name it is given, says so, and holds it until its standard input ends. */
import { claimName } from "#native";

const [name = ""] = process.argv.slice(2);
const outcome = claimName(name);
process.stdout.write("heldBy" in outcome ? "refused\n" : "claimed\n");
await Bun.stdin.text();
