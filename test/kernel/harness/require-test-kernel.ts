/** For the top of each kernel test file: these tests change the kernel's tables, so only the runner may start them. */
export function requireTestKernel(): void {
  if (process.env["LVSCARE_KERNEL_TESTS"] === "1") return;
  throw new Error('kernel tests run by "bun run test kernel" or "bun run vm test"');
}
