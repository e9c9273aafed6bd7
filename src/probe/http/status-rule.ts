/** Whether a final status means a living server: anything below 400, and what the user accepts besides. */
export function statusPasses(status: number, acceptStatus: readonly number[]): boolean {
  return status < 400 || acceptStatus.includes(status);
}
