import { pollDescriptor, type DescriptorState } from "#native";

export type { DescriptorState };

/** How stdout or stderr is whenever one asks. Without the C library nothing is known beforehand: the writes themselves find out. */
export function descriptorState(fd: 1 | 2): () => DescriptorState {
  try {
    return pollDescriptor(fd);
  } catch {
    return () => ({ takesText: true, isUnread: false });
  }
}
