import { Namespace } from "../../test/kernel/support/namespace.ts";
import { Reader } from "../../test/kernel/support/reader.ts";
import { stepsOf } from "../../test/support/page-steps.ts";

/** In a guest: `bun follow-page.ts FILE` does what the page says, and writes what it saw into the page in the place of what stands there. */
const [file = ""] = process.argv.slice(2);
let page = await Bun.file(file).text();
await using host = await Namespace.create();
await using reader = new Reader(host);
for (const step of stepsOf(page)) {
  const outputs = await reader.follow(step);
  for (const [index, { text, output }] of step.commands.entries()) {
    const seen = outputs[index]?.trim();
    if (output === undefined || seen === undefined) continue;
    page = page.replace(`$ ${text}\n${output}\n`, () => `$ ${text}\n${seen}\n`);
  }
}
await Bun.write(file, page);
