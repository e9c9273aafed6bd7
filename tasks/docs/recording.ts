import { stepsOf } from "../../test/support/page-steps.ts";

/** What a terminal shows to whoever follows the first page up to the death of a server, as a picture. */
export function recording(page: string): string {
  const lines = linesOf(page);
  const columns = Math.max(...lines.map(({ length }) => length));
  const [width, height] = [Math.ceil(columns * CHARACTER) + 2 * EDGE, lines.length * LINE + 2 * EDGE + BAR];
  const texts = lines.map((line, index) => {
    const y = BAR + EDGE + (index + 0.75) * LINE;
    return `<text x="${EDGE}" y="${y}">${paint(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">A terminal: three servers answer, one is stopped, lvscare status shows it removed, and the others serve on</title>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #c9d1d9; }
.typed { fill: #ffffff; font-weight: bold; } .good { fill: #56d364; } .warn { fill: #e3b341; } .bad { fill: #ff7b72; } .dim { fill: #8b949e; }
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<circle cx="20" cy="${BAR / 2 + 4}" r="6" fill="#484f58"/><circle cx="40" cy="${BAR / 2 + 4}" r="6" fill="#484f58"/><circle cx="60" cy="${BAR / 2 + 4}" r="6" fill="#484f58"/>
${texts.join("\n")}
</svg>
`;
}

// --- internal ---

const CHARACTER = 8.43;
const LINE = 19;
const EDGE = 16;
const BAR = 28;

/** The first use of the address; then the death of a server, what status says of it, and the next use. */
function linesOf(page: string): string[] {
  const commands = stepsOf(page).flatMap((step) => (step.goesOn ? [] : step.commands));
  const death = commands.findIndex(({ text }) => text.startsWith("kill "));
  const shown = [
    ...commands.filter(({ text }) => text.startsWith("curl ")).slice(0, 1),
    ...commands.slice(death, death + 3),
  ];
  return shown.flatMap(({ text, output = "" }) => [
    `$ ${text.trim()}`,
    ...(output === "" ? [] : output.split("\n")),
    "",
  ]);
}

function paint(line: string): string {
  if (line.startsWith("$ "))
    return `<tspan class="dim">$ </tspan><tspan class="typed">${escape(line.slice(2))}</tspan>`;
  return escape(line).replaceAll(
    /(?<good>\b(?:serving|healthy|passed)\b(?! ·.*failed))|(?<warn>\b(?:degraded|draining)\b)|(?<bad>\b(?:failed|removed)\b)/g,
    (word, good?: string, warn?: string) => {
      const kind = good !== undefined ? "good" : warn !== undefined ? "warn" : "bad";
      return `<tspan class="${kind}">${word}</tspan>`;
    },
  );
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
