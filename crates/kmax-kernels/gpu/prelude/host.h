// The words of the kernels in C++ for the processor: what tests run, and the dry run of the device check.
//
// A block's threads run one after the other on coroutines, each until a barrier or its end; between two barriers they come in an order that is drawn
// anew, so that a result that depends on the order is found. Shared memory holds NaN at first. A barrier that some threads of a block
// never reach is an error.
//
// REAL is the type of the tensors: 0 float32, 1 float16, 2 bfloat16. Arithmetic is float32 always.

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <ucontext.h>
#include <utility>
#include <vector>

#define THREADS 256
#define KERNEL(name, ...)                                                                  \
    static void name##_thread(__VA_ARGS__);                                                \
    extern "C" int name(int blocks, uint32_t seed, void** arguments) {                     \
        return emulator.run(blocks, seed, [&] { call(name##_thread, arguments); });        \
    }                                                                                      \
    static void name##_thread(__VA_ARGS__)
#define INPUT(place, type, name) const type* name
#define OUTPUT(place, type, name) type* name
#define INT(place, name) int name
#define FLOAT(place, name) float name
#define FUNCTION static inline
#define GLOBAL
#define LOCAL
#define SHARED(type, name, size) type* name = static_cast<type*>(emulator.shared(__COUNTER__, sizeof(type) * (size)))
#define BARRIER emulator.barrier()
#define THREAD (emulator.thread)
#define BLOCK (emulator.block)
#define EXP(x) std::exp(x)
#define ROOT(x) std::sqrt(x)
#define FMA(a, b, c) std::fma(a, b, c)
#define ABS(x) std::fabs(x)
// A product that no addition is fused with, as the source is compiled without contraction.
#define ROUNDED_MULTIPLY(a, b) ((a) * (b))
#define INFINITE HUGE_VALF

typedef uint32_t uint;

// What a launch gives back.
enum Outcome { WHOLE = 0, DIVERGED = 1 };

class Emulator {
  public:
    int thread = 0;
    int block = 0;

    template <class Body> int run(int blocks, uint32_t seed, Body body) {
        random.seed(seed);
        call_body = [](void* body) { (*static_cast<Body*>(body))(); };
        this->body = &body;
        for (block = 0; block < blocks; ++block) {
            memory.clear();
            if (run_block() == DIVERGED) return DIVERGED;
        }
        return WHOLE;
    }

    void barrier() {
        waiting.push_back({thread, running});
        leave();
    }

    // The shared memory that is declared in this place of the source, the same for all threads of the block.
    void* shared(int place, size_t bytes) {
        std::vector<unsigned char>& there = memory[place];
        if (there.empty()) there.assign(bytes, 0xff);
        return there.data();
    }

  private:
    // Runs one thread after the other until one waits, and in the next block again.
    struct Fiber {
        ucontext_t context;
        // Where it goes on. A context would be left and entered by system calls, which is most of the time of a kernel with barriers.
        jmp_buf at;
        std::vector<unsigned char> stack = std::vector<unsigned char>(64 * 1024);
    };
    struct Waiting {
        int thread;
        Fiber* fiber;
    };

    std::mt19937 random;
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<Waiting> waiting;
    // The threads that have not begun.
    std::vector<int> coming;
    Fiber* running = nullptr;
    // Where a fiber comes back to.
    jmp_buf scheduler;
    std::map<int, std::vector<unsigned char>> memory;
    void* body = nullptr;
    void (*call_body)(void*) = nullptr;

    static void enter();

    void begin(Fiber& fiber) {
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, enter, 0);
        running = &fiber;
        if (_setjmp(scheduler) == 0) setcontext(&fiber.context);
    }

    void resume(Fiber& fiber) {
        running = &fiber;
        if (_setjmp(scheduler) == 0) _longjmp(fiber.at, 1);
    }

    void leave() {
        if (_setjmp(running->at) == 0) _longjmp(scheduler, 1);
    }

    Outcome run_block() {
        waiting.clear();
        coming.clear();
        for (int i = 0; i < THREADS; ++i) coming.push_back(i);
        std::shuffle(coming.begin(), coming.end(), random);
        // Each has at most one waiting thread, so that those before are taken.
        for (size_t used = 0; !coming.empty(); ++used) {
            if (used < fibers.size()) {
                resume(*fibers[used]);
            } else {
                fibers.emplace_back(new Fiber);
                begin(*fibers[used]);
            }
        }
        while (!waiting.empty()) {
            if (waiting.size() != THREADS) {
                // Those that wait would go on in the next block.
                fibers.clear();
                return DIVERGED;
            }
            std::vector<Waiting> all;
            all.swap(waiting);
            std::shuffle(all.begin(), all.end(), random);
            for (const Waiting& next : all) {
                thread = next.thread;
                resume(*next.fiber);
            }
        }
        return WHOLE;
    }
};

static Emulator emulator;

void Emulator::enter() {
    for (;;) {
        while (!emulator.coming.empty()) {
            emulator.thread = emulator.coming.back();
            emulator.coming.pop_back();
            emulator.call_body(emulator.body);
        }
        emulator.leave();
    }
}

// Arguments come as CUDA's launches take them: an address of each.
template <class... Types, size_t... Places>
static void call_with(void (*f)(Types...), void** arguments, std::index_sequence<Places...>) {
    f(*static_cast<Types*>(arguments[Places])...);
}
template <class... Types> static void call(void (*f)(Types...), void** arguments) {
    call_with(f, arguments, std::index_sequence_for<Types...>());
}

static inline float of_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
static inline uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

#if REAL == 0
typedef float real;
static inline float widen(real x) { return x; }
static inline real narrow(float x) { return x; }
#else
struct real { uint16_t bits; };
#if REAL == 1
static inline float widen(real x) {
    const uint32_t sign = (uint32_t)(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
    if (rest >= 0x7c00) return of_bits(sign | 0x7f800000 | rest << 13);
    // A power of two moves the exponent, and makes subnormal numbers normal.
    return of_bits(sign | bits_of(of_bits(rest << 13) * 0x1p112f));
}
static inline real narrow(float x) {
    const uint16_t sign = bits_of(x) >> 16 & 0x8000;
    if (x != x) return {(uint16_t)(sign | 0x7e00)};
    const float size = std::fabs(x);
    if (size >= 65520.0f) return {(uint16_t)(sign | 0x7c00)};
    // A sum whose last digit is that of the half rounds as it must, in the mode of the processor: to even.
    int exponent = std::max(std::ilogb(std::max(size, 0x1p-24f)), -14);
    const float unit = std::ldexp(1.0f, exponent - 10);
    const uint32_t steps = (uint32_t)std::nearbyint(size / unit);
    return {(uint16_t)(sign | ((exponent + 14) * 1024 + steps))};
}
#else
static inline float widen(real x) { return of_bits((uint32_t)x.bits << 16); }
static inline real narrow(float x) {
    const uint32_t bits = bits_of(x);
    return {(uint16_t)(x != x ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
#endif
#endif
