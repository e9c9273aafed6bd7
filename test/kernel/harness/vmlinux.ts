import { join } from "node:path";
import { cachedFolder } from "./cache-folder.ts";
import { runCommand } from "./run-command.ts";

/**
 * The kernel as a plain ELF file, which QEMU enters directly (PVH): unpacking itself in the emulated machine
 * would take it 3 of 7 seconds. Where it isn't packed with xz, the packed file is what we boot.
 */
export async function unpackedKernel(vmlinuz: string, version: string): Promise<string> {
  const payload = await xzPayload(vmlinuz);
  if (payload === undefined) return vmlinuz;
  const folder = await cachedFolder(`vmlinux-${version}`, async (into) => {
    const packed = join(into, "vmlinux.xz");
    await Bun.write(packed, payload);
    await runCommand(["xz", "--decompress", "--single-stream", packed], { timeoutMs: 60_000 });
  });
  return join(folder, "vmlinux");
}

/** Fields of the x86 boot protocol's setup header (Linux, Documentation/arch/x86/boot.rst). */
const header = { setupSectors: 0x1f1, payloadOffset: 0x248, payloadLength: 0x24c };
const sectorBytes = 512;
const xzMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

async function xzPayload(vmlinuz: string): Promise<Uint8Array | undefined> {
  const bytes = await Bun.file(vmlinuz).bytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const start = (view.getUint8(header.setupSectors) + 1) * sectorBytes + view.getUint32(header.payloadOffset, true);
  const payload = bytes.subarray(start, start + view.getUint32(header.payloadLength, true));
  return xzMagic.every((byte, index) => payload[index] === byte) ? payload : undefined;
}
