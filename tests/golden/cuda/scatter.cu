// kernel(out x: float32, y: float32, at: int64)
//   for i < 100:
//     in order k < 50:
//       x[((at[k] * 100) + i)] = (x[((at[k] * 100) + i)] + y[((k * 100) + i)])
// scatter

// scatter
extern "C" __global__ void __launch_bounds__(256) k0(
    float* __restrict__ x,
    const float* __restrict__ y,
    const long long* __restrict__ at) {
    const long long i = blockIdx.x * 256u + threadIdx.x;
    if (i >= 100) return;
    for (long long k = 0; k < 50; ++k) {
        const long long t = (long long)((unsigned long long)(long long)((unsigned long long)at[k] * 100LL) + i);
        x[t] = x[t] + y[k * 100 + i];
    }
}
