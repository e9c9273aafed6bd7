import type { Plug } from "./guest.ts";

export function qemuFlag(name: string, value: string | number): string[] {
  return [name, String(value)];
}

/** A folder of the host that the guest mounts by this tag. */
export function qemuShare(tag: string, path: string, more = ""): string[] {
  const options = `local,path=${path.replaceAll(",", ",,")},mount_tag=${tag},security_model=none`;
  return qemuFlag("-virtfs", more === "" ? options : `${options},${more}`);
}

/** The guest's network card, where it has one. */
export function cardArguments(plug: Plug | undefined): string[] {
  if (plug === undefined) return [];
  return [
    ...qemuFlag("-netdev", `tap,id=card,ifname=${plug.tap},script=no,downscript=no`),
    ...qemuFlag("-device", `virtio-net-pci,netdev=card,mac=${plug.mac}`),
  ];
}
