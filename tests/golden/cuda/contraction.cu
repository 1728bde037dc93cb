// contraction(x: float32, w: float32, bias: float32, out y: float32, out d: float32, a, b, c)
//   for m < a, n < b:
//     acc = sum k < c of x[((m * c) + k)] * w[((k * b) + n)]
//     h = tanh((acc + bias[n]))
//     y[((m * b) + n)] = h
//     d[((m * b) + n)] = (1.0 - (h * h))
// symbolic hidden layer

// Whether this is the last block of its row of the grid to get here; it then sees what the others
// have written.
__device__ static bool last_block(unsigned* counter) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(counter, 1u) == gridDim.y - 1;
        if (last) *counter = 0;
    }
    __syncthreads();
    __threadfence();
    return last;
}

// symbolic hidden layer
extern "C" __global__ void __launch_bounds__(256, 1) k0(
    const float* __restrict__ x,
    const float* __restrict__ w,
    const float* __restrict__ bias,
    float* __restrict__ y,
    float* __restrict__ d,
    long long* scratch,
    unsigned* counters,
    const long long* __restrict__ ints) {
    const long long a_1 = ints[0];
    const long long b_1 = ints[1];
    const long long c = ints[2];
    __shared__ __align__(16) float left_tile[16][68];
    __shared__ __align__(16) float right_tile[16][68];
    const long long first_row = blockIdx.x / (long long)(b_1 + 63 >> 6) * 64LL;
    const long long first_column = blockIdx.x % (long long)(b_1 + 63 >> 6) * 64LL;
    // The sums of this thread, by their place in the tile.
    const int row = threadIdx.x / 16 * 4;
    const int column = threadIdx.x % 16 * 4;
    float sum[4][4] = {};
    // gridDim.y blocks share the inner dimension.
    const long long steps = (c + 15) / 16;
    const long long share = (steps + gridDim.y - 1) / gridDim.y * 16;
    const long long begin = blockIdx.y * share;
    const long long end = begin + share < c ? begin + share : c;
    for (long long base = begin; base < end; base += 16) {
        for (int i = threadIdx.x; i < 1024; i += 256) {
            const int to_k = i % 16, to = i / 16;
            const long long m = first_row + to, k = base + to_k;
            float value = 0.0f;
            if (m < a_1 && k < end) {
                value = x[m * c + k];
            }
            left_tile[to_k][to] = value;
        }
        for (int i = threadIdx.x; i < 1024; i += 256) {
            const int to_k = i / 64, to = i % 64;
            const long long n = first_column + to, k = base + to_k;
            float value = 0.0f;
            if (n < b_1 && k < end) {
                value = w[k * b_1 + n];
            }
            right_tile[to_k][to] = value;
        }
        __syncthreads();
        #pragma unroll
        for (int k = 0; k < 16; ++k) {
            float a[4], b[4];
            #pragma unroll
            for (int i = 0; i < 4; ++i) a[i] = left_tile[k][row + i];
            #pragma unroll
            for (int j = 0; j < 4; ++j) b[j] = right_tile[k][column + j];
            #pragma unroll
            for (int i = 0; i < 4; ++i) {
                #pragma unroll
                for (int j = 0; j < 4; ++j) {
                    sum[i][j] = sum[i][j] + a[i] * b[j];
                }
            }
        }
        __syncthreads();
    }
    if (gridDim.y > 1) {
        float* const tile = (float*)scratch + blockIdx.x * (long long)gridDim.y * 4096 + threadIdx.x;
        #pragma unroll
        for (int i = 0; i < 4; ++i) {
            #pragma unroll
            for (int j = 0; j < 4; ++j) {
                tile[blockIdx.y * 4096 + (i * 4 + j) * 256] = sum[i][j];
            }
        }
        if (!last_block(&counters[blockIdx.x])) return;
        #pragma unroll
        for (int i = 0; i < 4; ++i) {
            #pragma unroll
            for (int j = 0; j < 4; ++j) {
                sum[i][j] = 0.0f;
            }
        }
        for (unsigned peer = 0; peer < gridDim.y; ++peer) {
            #pragma unroll
            for (int i = 0; i < 4; ++i) {
                #pragma unroll
                for (int j = 0; j < 4; ++j) {
                    const float other = tile[peer * 4096 + (i * 4 + j) * 256];
                    sum[i][j] = sum[i][j] + other;
                }
            }
        }
    }
    #pragma unroll
    for (int i = 0; i < 4; ++i) {
        #pragma unroll
        for (int j = 0; j < 4; ++j) {
            const long long m = first_row + row + i, n = first_column + column + j;
            if (m < a_1 && n < b_1) {
                const float acc = sum[i][j];
                const float h = tanhf(acc + bias[n]);
                y[m * b_1 + n] = h;
                d[m * b_1 + n] = 1.0f - h * h;
            }
        }
    }
}
