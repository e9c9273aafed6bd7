/** Of a process that has ended and of all that it waited for, in seconds. */
export function processorSeconds(ended: Bun.Subprocess): number {
  return Number(ended.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
}
