import { pollDescriptor, type DescriptorState } from "#native";

export type { DescriptorState };

/**
 * Reports the state of stdout or stderr when called. Without the C library nothing is known in advance: the writes
 * find out.
 */
export function descriptorState(fd: 1 | 2): () => DescriptorState {
  try {
    return pollDescriptor(fd);
  } catch {
    return () => ({ takesText: true, isUnread: false });
  }
}
