// Opens one of CUDA's libraries when a function of it is first called. Compiled once for each, which LIBRARY names.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define JOINED(library, what) library##_##what
#define OF(library, what) JOINED(library, what)

extern const char *const OF(LIBRARY, names)[];
extern void *OF(LIBRARY, table)[];

static const char *const files[] = {FILES NULL};

static long absent(void) { return ABSENT; }

// Those that answer with a text.
static const char *absent_text(void) { return "the library is not there"; }

static void *library(void) {
    // Two threads may open it at once: the system counts, and gives both the same.
    static void *opened;
    static int tried;
    if (!__atomic_load_n(&tried, __ATOMIC_ACQUIRE)) {
        void *found = NULL;
        for (int i = 0; files[i] && !found; i++) found = dlopen(files[i], RTLD_NOW | RTLD_GLOBAL);
        opened = found;
        __atomic_store_n(&tried, 1, __ATOMIC_RELEASE);
    }
    return opened;
}

static int ends_with(const char *name, const char *end) {
    size_t length = strlen(name), of_end = strlen(end);
    return length >= of_end && !strcmp(name + length - of_end, end);
}

// The address of a function by its number, also for the next time.
__attribute__((visibility("hidden"))) void *OF(LIBRARY, open)(long number) {
    const char *name = OF(LIBRARY, names)[number];
    void *opened = library();
    void *function = opened ? dlsym(opened, name) : NULL;
    if (!function) {
        // The driver's own write their text somewhere and answer with a number.
        int text = (ends_with(name, "String") || ends_with(name, "StatusName")) && strncmp(name, "cuGet", 5);
        function = text ? (void *)absent_text : (void *)absent;
    }
    __atomic_store_n(&OF(LIBRARY, table)[number], function, __ATOMIC_RELEASE);
    return function;
}
