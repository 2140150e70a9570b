// The allocator keeps its pages: returning and faulting them in again costs a training step a twentieth.
//
// mimalloc reads MIMALLOC_PURGE_DELAY before main runs. A default does not replace what the user has set there.
#include <mimalloc.h>

__attribute__((constructor)) static void kmax_keep_pages(void) {
  mi_option_set_default(mi_option_purge_delay, -1);
}

// It reserves address space by the gigabyte, which counts against a limit of that (ulimit -v) as if it were used: then less at once.
#ifndef _WIN32
#include <sys/resource.h>

__attribute__((constructor)) static void kmax_reserve_little(void) {
  struct rlimit space;
  if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
    mi_option_set_default(mi_option_arena_reserve, 32 * 1024); // in kibibytes
  }
}
#endif

// Where memory ends, Rust says how much was asked for and aborts. That is no fault of the program, and ends with the code of work that
// failed; any other abort stays one.
#ifndef _WIN32
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t kmax_refused = 0;

static void kmax_note(int code, void *unused) {
  (void)unused;
  if (code == ENOMEM || code == EOVERFLOW) {
    kmax_refused = 1;
  }
}

static void kmax_end(int signal_number) {
  if (kmax_refused) {
    _exit(6);
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

__attribute__((constructor)) static void kmax_end_without_memory(void) {
  mi_register_error(kmax_note, NULL);
  mi_option_set_default(mi_option_show_errors, 0);
  signal(SIGABRT, kmax_end);
}
#endif
