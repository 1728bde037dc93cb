// CUDA's vocabulary for a C++ compiler: put before a unit's source, it makes an ordinary shared
// object whose kernels emulator.cpp runs on the CPU. No standard header, for they are slow to read.
#pragma once

#define __global__
#define __device__
#define __launch_bounds__(...)
// Blocks run one after another, so one copy is enough. The section lets each block find it poisoned.
#define __shared__ static __attribute__((section("emulated_shared")))
#define __align__(bytes) __attribute__((aligned(bytes)))

struct EmulatedIndex {
    unsigned x, y, z;
};

extern "C" {
extern EmulatedIndex emulated_thread, emulated_block, emulated_threads, emulated_blocks;

// Runs `kernel(arguments)` for every thread of a grid. `shape` is the number of blocks in three
// directions, the number of threads of a block, and 1 to run both in descending order. Returns what
// went wrong, if anything did.
const char* emulated_launch(const unsigned* shape, void (*kernel)(void**), void** arguments,
                            char* shared, char* shared_end);
void emulated_barrier(int line);
// Waits for the other threads of the warp and returns what the one of the given lane brought.
unsigned long long emulated_exchange(unsigned long long value, unsigned lane);

extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));
}

#define threadIdx emulated_thread
#define blockIdx emulated_block
#define blockDim emulated_threads
#define gridDim emulated_blocks
#define __syncthreads() emulated_barrier(__LINE__)

inline void __syncwarp() {
    emulated_exchange(0, 0);
}
inline void __threadfence() {}

template <class To, class From>
inline To emulated_bits(From from) {
    To to = 0;
    __builtin_memcpy(&to, &from, sizeof(To) < sizeof(From) ? sizeof(To) : sizeof(From));
    return to;
}
template <class T>
inline T __shfl_xor_sync(unsigned, T value, unsigned distance) {
    static_assert(sizeof(T) >= 4, "the device exchanges words of 4 or 8 bytes");
    const unsigned lane = (emulated_thread.x % 32) ^ distance;
    return emulated_bits<T>(emulated_exchange(emulated_bits<unsigned long long>(value), lane));
}
inline unsigned atomicAdd(unsigned* place, unsigned value) {
    const unsigned old = *place;
    *place = old + value;
    return old;
}
inline int __float_as_int(float x) { return emulated_bits<int>(x); }
inline float __int_as_float(int x) { return emulated_bits<float>(x); }
inline long long __double_as_longlong(double x) { return emulated_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emulated_bits<double>(x); }

extern "C" {
#define EMULATED_1(name) \
    double name(double); \
    float name##f(float);
#define EMULATED_2(name)         \
    double name(double, double); \
    float name##f(float, float);
EMULATED_1(fabs) EMULATED_1(sqrt) EMULATED_1(floor) EMULATED_1(ceil) EMULATED_1(trunc)
EMULATED_1(rint) EMULATED_1(exp) EMULATED_1(exp2) EMULATED_1(expm1) EMULATED_1(log)
EMULATED_1(log2) EMULATED_1(log10) EMULATED_1(log1p) EMULATED_1(sin) EMULATED_1(cos)
EMULATED_1(tan) EMULATED_1(asin) EMULATED_1(acos) EMULATED_1(atan) EMULATED_1(sinh)
EMULATED_1(cosh) EMULATED_1(tanh) EMULATED_1(asinh) EMULATED_1(acosh) EMULATED_1(atanh)
EMULATED_1(erf) EMULATED_1(erfc) EMULATED_2(copysign) EMULATED_2(atan2) EMULATED_2(pow)
double fma(double, double, double);
float fmaf(float, float, float);
}
