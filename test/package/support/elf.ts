/** What the head of an ELF file says about the machine that it is for (`man 5 elf`, 64 bits, little-endian). */
export interface ElfHead {
  readonly machine: "x86-64" | "AArch64" | number;
  /** The loader, which tells the C library. */
  readonly interpreter: string | undefined;
}

export async function readElfHead(path: string): Promise<ElfHead> {
  const view = new DataView(await Bun.file(path).slice(0, 4096).arrayBuffer());
  if (view.getUint32(0) !== 0x7f454c46) throw new Error(`${path} is no ELF file`);
  const machine = view.getUint16(18, true);
  return { machine: MACHINES[machine] ?? machine, interpreter: interpreter(view) };
}

// --- internal ---

const MACHINES: Readonly<Record<number, "x86-64" | "AArch64">> = { 62: "x86-64", 183: "AArch64" };
const PT_INTERP = 3;

function interpreter(view: DataView): string | undefined {
  const [start, size, count] = [
    Number(view.getBigUint64(32, true)),
    view.getUint16(54, true),
    view.getUint16(56, true),
  ];
  for (let at = start; at < start + size * count; at += size) {
    if (view.getUint32(at, true) !== PT_INTERP) continue;
    const [offset, length] = [Number(view.getBigUint64(at + 8, true)), Number(view.getBigUint64(at + 32, true))];
    // Without the zero byte that ends it.
    return new TextDecoder().decode(view.buffer.slice(offset, offset + length - 1));
  }
  return undefined;
}
