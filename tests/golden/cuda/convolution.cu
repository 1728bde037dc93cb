// contraction(x: float32, w: float32, bias: float32, out y: float32)
//   for b < 1, m_0 < 3, m_1 < 9, m_2 < 8, n < 20:
//     acc = sum k_0 < 4, k_1 < 3, k_2 < 3 of switch(logical_and(logical_and(logical_and(((((m_1 * 1) + (k_1 * 1)) - 1) >= 0), ((((m_1 * 1) + (k_1 * 1)) - 1) <= 8)), ((((m_2 * 1) + (k_2 * 1)) - 1) >= 0)), ((((m_2 * 1) + (k_2 * 1)) - 1) <= 7)), x[((((((((b * 3) + m_0) * 4) + k_0) * 9) + maximum(minimum((((m_1 * 1) + (k_1 * 1)) - 1), 8), 0)) * 8) + maximum(minimum((((m_2 * 1) + (k_2 * 1)) - 1), 7), 0))], 0.0) * w[((((((((b * 20) + n) * 4) + k_0) * 3) + k_1) * 3) + k_2)]
//     y[((((((((b * 3) + m_0) * 20) + n) * 9) + m_1) * 8) + m_2)] = tanh((acc + bias[n]))
// padded convolution

// padded convolution
extern "C" __global__ void __launch_bounds__(256, 1) k0(
    const float* __restrict__ x,
    const float* __restrict__ w,
    const float* __restrict__ bias,
    float* __restrict__ y) {
    __shared__ __align__(16) float left_tile[16][36];
    __shared__ __align__(16) float right_tile[16][68];
    const long long b_1 = blockIdx.x / 4LL, number = blockIdx.x % 4LL;
    const long long first_row = number / 4LL * 32LL;
    const long long first_column = number % 4LL * 64LL;
    // The sums of this thread, by their place in the tile.
    const int row = threadIdx.x / 16 * 2;
    const int column = threadIdx.x % 16 * 4;
    float sum[2][4] = {};
    for (long long base = 0; base < 36LL; base += 16) {
        for (int i = threadIdx.x; i < 512; i += 256) {
            const int to_k = i % 16, to = i / 16;
            const long long n = first_row + to, point = base + to_k;
            float value = 0.0f;
            if (n < 20LL && point < 36LL) {
                unsigned point_rest = (unsigned)point;
                const long long k_2 = point_rest % (unsigned)(3LL);
                point_rest /= (unsigned)(3LL);
                const long long k_1 = point_rest % (unsigned)(3LL);
                point_rest /= (unsigned)(3LL);
                const long long k_0 = point_rest;
                value = w[(((b_1 * 20 + n) * 4 + k_0) * 3 + k_1) * 3 + k_2];
            }
            left_tile[to_k][to] = value;
        }
        for (int i = threadIdx.x; i < 1024; i += 256) {
            const int to_k = i / 64, to = i % 64;
            const long long place = first_column + to, point = base + to_k;
            float value = 0.0f;
            if (place < 216LL && point < 36LL) {
                unsigned place_rest = (unsigned)place;
                const long long m_2 = place_rest % (unsigned)(8LL);
                place_rest /= (unsigned)(8LL);
                const long long m_1 = place_rest % (unsigned)(9LL);
                place_rest /= (unsigned)(9LL);
                const long long m_0 = place_rest;
                unsigned point_rest = (unsigned)point;
                const long long k_2 = point_rest % (unsigned)(3LL);
                point_rest /= (unsigned)(3LL);
                const long long k_1 = point_rest % (unsigned)(3LL);
                point_rest /= (unsigned)(3LL);
                const long long k_0 = point_rest;
                const long long t = m_1 * 1 + k_1 * 1 - 1;
                const long long t_1 = m_2 * 1 + k_2 * 1 - 1;
                const long long t_2 = t < 8 ? t : 8;
                const long long t_3 = t_1 < 7 ? t_1 : 7;
                const long long t_4 = (((b_1 * 3 + m_0) * 4 + k_0) * 9 + (t_2 > 0 ? t_2 : 0)) * 8 + (t_3 > 0 ? t_3 : 0);
                value = t >= 0 && t <= 8 && t_1 >= 0 && t_1 <= 7 ? x[t_4] : 0.0f;
            }
            right_tile[to_k][to] = value;
        }
        __syncthreads();
        #pragma unroll
        for (int k = 0; k < 16; ++k) {
            float a[2], b[4];
            #pragma unroll
            for (int i = 0; i < 2; ++i) a[i] = left_tile[k][row + i];
            #pragma unroll
            for (int j = 0; j < 4; ++j) b[j] = right_tile[k][column + j];
            #pragma unroll
            for (int i = 0; i < 2; ++i) {
                #pragma unroll
                for (int j = 0; j < 4; ++j) {
                    sum[i][j] = sum[i][j] + a[i] * b[j];
                }
            }
        }
        __syncthreads();
    }
    #pragma unroll
    for (int i = 0; i < 2; ++i) {
        #pragma unroll
        for (int j = 0; j < 4; ++j) {
            const long long n = first_row + row + i, point = first_column + column + j;
            if (n < 20LL && point < 216LL) {
                unsigned point_rest = (unsigned)point;
                const long long m_2 = point_rest % (unsigned)(8LL);
                point_rest /= (unsigned)(8LL);
                const long long m_1 = point_rest % (unsigned)(9LL);
                point_rest /= (unsigned)(9LL);
                const long long m_0 = point_rest;
                const float acc = sum[i][j];
                y[(((b_1 * 3 + m_0) * 20 + n) * 9 + m_1) * 8 + m_2] = tanhf(acc + bias[n]);
            }
        }
    }
}
