/**
 * Variables as `NAME=value` that the runtime reads at its start, and from nowhere else. Its defaults are for programs
 * that are busy: the allocator's thread wakes ten times a second to give pages back, and the collector looks once a
 * second whether the heap grew. With three servers checked each second, both together are a third of all processor
 * time. Without them the daemon holds half a megabyte more, with a hundred servers six.
 */
export const RUNTIME_VARIABLES = ["MIMALLOC_PURGE_DELAY=-1", "BUN_GC_TIMER_INTERVAL=10000"] as const;
