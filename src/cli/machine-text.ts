import type { MachineGraph } from "../app/machine.ts";

/** For READMEs: GitHub and GitLab draw it (mermaid, stateDiagram-v2). */
export function renderMermaid({ states, transitions }: MachineGraph): string {
  const first = states.find(({ path, isInitial }) => isInitial && !path.includes("."));
  const lines = ["stateDiagram-v2", ...(first === undefined ? [] : [`  [*] --> ${idOf(first.path)}`])];
  for (const { path, children } of states) {
    if (children.length > 0) {
      lines.push(`  state ${idOf(path)} {`);
      for (const child of children) {
        const isFirst = states.some((state) => state.path === child && state.isInitial);
        lines.push(`    ${isFirst ? `[*] --> ${idOf(child)}` : idOf(child)}`);
      }
      lines.push("  }");
    }
  }
  for (const transition of transitions) {
    lines.push(`  ${idOf(transition.from)} --> ${idOf(transition.to)}${label(transition, (text) => ` : ${text}`)}`);
  }
  for (const { path, isFinal } of states) if (isFinal) lines.push(`  ${idOf(path)} --> [*]`);
  return `${lines.join("\n")}\n`;
}

/** For Graphviz. */
export function renderDot({ name, states, transitions }: MachineGraph): string {
  const lines = [
    `digraph ${idOf(name)} {`,
    "  node [shape=box, style=rounded];",
    ...states.map(({ path, tags, isFinal, children }) => {
      const note = tags.length === 0 ? "" : `\\n(${tags.join(", ")})`;
      return `  ${idOf(path)} [label="${path}${note}"${isFinal ? ", peripheries=2" : ""}${children.length > 0 ? ", style=dashed" : ""}];`;
    }),
    ...transitions.map(
      (one) =>
        `  ${idOf(one.from)} -> ${idOf(one.to)}${label(one, (text) => ` [label="${text.replaceAll('"', '\\"')}"]`)};`,
    ),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

// --- internal ---

function idOf(path: string): string {
  return path.replaceAll(/[^\w]/g, "_");
}

function label({ event, guard }: MachineGraph["transitions"][number], dress: (text: string) => string): string {
  const parts = [event, guard === undefined ? "" : `[${guard}]`].filter((part) => part !== "");
  return parts.length === 0 ? "" : dress(parts.join(" "));
}
