// kernel(x: float32, out y: float32)
//   for i < 600:
//     reduce j < 10:
//       top = maximum(top, x[((i * 10) + j)])
//     reduce j < 10:
//       total = add(total, exp((x[((i * 10) + j)] - top)))
//     for j < 10:
//       y[((i * 10) + j)] = (exp((x[((i * 10) + j)] - top)) / total)
// short rows

__device__ static float warp_maximum_float32(float value) {
    for (int step = 16; step > 0; step /= 2) {
        const float other = __shfl_xor_sync(0xffffffffu, value, step);
        value = value > other || value != value ? value : other;
    }
    return value;
}

__device__ static float warp_add_float32(float value) {
    for (int step = 16; step > 0; step /= 2) {
        const float other = __shfl_xor_sync(0xffffffffu, value, step);
        value = value + other;
    }
    return value;
}

// short rows
extern "C" __global__ void __launch_bounds__(128) k0(
    const float* __restrict__ x,
    float* __restrict__ y) {
    const int lane = threadIdx.x % 32;
    const long long i = blockIdx.x * 4u + threadIdx.x / 32;
    float top = -__int_as_float(0x7f800000);
    for (long long j = lane; j < 10; j += 32) {
        const float t = x[i * 10 + j];
        top = top > t || top != top ? top : t;
    }
    top = warp_maximum_float32(top);
    float total = 0.0f;
    for (long long j = lane; j < 10; j += 32) {
        total = total + expf(x[i * 10 + j] - top);
    }
    total = warp_add_float32(total);
    for (long long j = lane; j < 10; j += 32) {
        const long long t = i * 10 + j;
        y[t] = expf(x[t] - top) / total;
    }
}
