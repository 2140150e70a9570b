// The allocator keeps its pages: returning and faulting them in again costs a training step a twentieth.
//
// mimalloc reads MIMALLOC_PURGE_DELAY before main runs. A default does not replace what the user has set there.
#include <mimalloc.h>

__attribute__((constructor)) static void kmax_keep_pages(void) {
  mi_option_set_default(mi_option_purge_delay, -1);
}
