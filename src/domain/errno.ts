import { constants } from "node:os";

/** `ENOENT` for 2; `errno 999` for a number that has no name here. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `errno ${number}`;
}

// --- internal ---

/** Numbers that the runtime does not know, and the preferred name where one number has two (asm-generic/errno.h). */
const OTHERS: readonly (readonly [number: number, name: string])[] = [
  [11, "EAGAIN"],
  [85, "ERESTART"],
  [94, "ESOCKTNOSUPPORT"],
  [95, "EOPNOTSUPP"],
  [96, "EPFNOSUPPORT"],
  [112, "EHOSTDOWN"],
  // Not for user space, but netlink lets it through (linux/errno.h).
  [524, "ENOTSUPP"],
];

const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  ...OTHERS,
]);
