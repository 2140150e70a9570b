// The words of the kernels in CUDA C++, without any header: whoever has a driver and NVRTC need not have those.
//
// REAL is the type of the tensors: 0 float32, 1 float16, 2 bfloat16. Arithmetic is float32 always.

#define THREADS 256
#define KERNEL(name, ...) extern "C" __global__ void __launch_bounds__(THREADS) name(__VA_ARGS__)
#define INPUT(place, type, name) const type* __restrict__ name
#define OUTPUT(place, type, name) type* __restrict__ name
#define INT(place, name) int name
#define FLOAT(place, name) float name
#define FUNCTION __device__ __forceinline__
#define GLOBAL
#define LOCAL
#define SHARED(type, name, size) __shared__ type name[size]
#define BARRIER __syncthreads()
#define THREAD ((int)threadIdx.x)
#define BLOCK ((int)blockIdx.x)
#define EXP(x) expf(x)
#define ROOT(x) sqrtf(x)
#define FMA(a, b, c) fmaf(a, b, c)
#define ABS(x) fabsf(x)
// A product that no addition is fused with.
#define ROUNDED_MULTIPLY(a, b) __fmul_rn(a, b)
#define INFINITE __int_as_float(0x7f800000)

typedef unsigned int uint;

#if REAL == 0
typedef float real;
FUNCTION float widen(real x) { return x; }
FUNCTION real narrow(float x) { return x; }
#elif REAL == 1
struct real { unsigned short bits; };
FUNCTION float widen(real x) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
    return wide;
}
FUNCTION real narrow(float x) {
    real near;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(near.bits) : "f"(x));
    return near;
}
#else
struct real { unsigned short bits; };
FUNCTION float widen(real x) { return __uint_as_float((uint)x.bits << 16); }
// To the nearest, ties to even; NaN stays one. By integers, as sm_75 has no instruction for it.
FUNCTION real narrow(float x) {
    uint bits = __float_as_uint(x);
    real near;
    near.bits = x != x ? 0x7fc0 : (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    return near;
}
#endif
