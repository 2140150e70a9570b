// The words of the kernels in the Metal Shading Language (3.1 where REAL is 2, as of bfloat).
//
// REAL is the type of the tensors: 0 float32, 1 float16, 2 bfloat16. Arithmetic is float32 always.

#include <metal_stdlib>
using namespace metal;

#define THREADS 256
#define KERNEL(name, ...)                                                                                        \
    [[kernel, max_total_threads_per_threadgroup(THREADS)]] void name(                                            \
        __VA_ARGS__, uint block_ [[threadgroup_position_in_grid]], uint thread_ [[thread_position_in_threadgroup]])
#define INPUT(place, type, name) device const type* name [[buffer(place)]]
#define OUTPUT(place, type, name) device type* name [[buffer(place)]]
#define INT(place, name) constant int& name [[buffer(place)]]
#define FLOAT(place, name) constant float& name [[buffer(place)]]
#define FUNCTION inline
#define GLOBAL device
#define LOCAL threadgroup
#define SHARED(type, name, size) threadgroup type name[size]
#define BARRIER threadgroup_barrier(mem_flags::mem_threadgroup)
#define THREAD ((int)thread_)
#define BLOCK ((int)block_)
#define EXP(x) precise::exp(x)
#define ROOT(x) precise::sqrt(x)
#define FMA(a, b, c) fma(a, b, c)
#define ABS(x) fabs(x)
// A product that no addition is fused with: the source is to be compiled without fast mathematics.
#define ROUNDED_MULTIPLY(a, b) rounded_multiply(a, b)
#define INFINITE INFINITY


inline float rounded_multiply(float a, float b) {
#pragma clang fp contract(off)
    return a * b;
}

#if REAL == 0
typedef float real;
#elif REAL == 1
typedef half real;
#else
typedef bfloat real;
#endif
FUNCTION float widen(real x) { return float(x); }
FUNCTION real narrow(float x) { return real(x); }
