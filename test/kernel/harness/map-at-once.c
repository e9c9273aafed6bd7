/*
 * For user-mode Linux, loaded before every program of a guest. There a page that is touched first costs a program some 60 us, so that to start one as
 * large as Bun is mostly that. This maps what a program reads of its files in one go.
 */

struct program_header {
  unsigned type, flags;
  unsigned long offset, address, physical, size_in_file, size, align;
};

/* Of <link.h>: the compiler that this is for comes without the C library's headers. */
struct object {
  unsigned long base;
  const char *name;
  const struct program_header *headers;
  unsigned short count;
};
extern int dl_iterate_phdr(int (*)(struct object *, unsigned long, void *), void *);

enum { SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_madvise = 28 };
enum { O_WRONLY = 1, MADV_POPULATE_READ = 22, PT_LOAD = 1, PF_W = 2 };

static long system_call(long number, long first, long second, long third) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
  return result;
}

/* Of a browser's code, each page could become a mapping of its own on the host, which allows a process 65530. */
static const unsigned long MOST_BYTES = 128ul << 20;

static int enter_pages(struct object *object, unsigned long size, void *none) {
  int index;
  for (index = 0; index < object->count; index++) {
    const struct program_header *header = &object->headers[index];
    unsigned long from = (object->base + header->address) & ~4095ul;
    unsigned long to = object->base + header->address + header->size_in_file;
    if (header->type != PT_LOAD || (header->flags & PF_W) != 0 || to - from > MOST_BYTES) continue;
    system_call(SYS_madvise, from, to - from, MADV_POPULATE_READ);
  }
  return 0;
}

/*
 * The pages are then in the guest's page tables, and not yet in the memory of the host's process that runs the program. Whatever flushes all of these
 * tables brings them there: the one way to ask for it is to say that from now on changed pages are watched for, which this kernel cannot do and so
 * leaves out (fs/proc/task_mmu.c: clear_refs_write; arch/um/kernel/tlb.c: flush_tlb_mm).
 */
static void flush(void) {
  long file = system_call(SYS_open, (long)"/proc/self/clear_refs", O_WRONLY, 0);
  if (file < 0) return;
  system_call(SYS_write, file, (long)"4", 1);
  system_call(SYS_close, file, 0, 0);
}

__attribute__((constructor)) static void map_at_once(void) {
  dl_iterate_phdr(enter_pages, 0);
  flush();
}
