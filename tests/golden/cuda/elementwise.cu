// kernel(g: float32, out v: float32, out w: float32, n)
//   for i < n:
//     s = ((v[i] * 0.8999999761581421) - (g[i] * 0.10000000149011612))
//     v[i] = s
//     w[i] = (w[i] + s)
// in place, two stores

// in place, two stores
extern "C" __global__ void __launch_bounds__(256) k0(
    const float* __restrict__ g,
    float* __restrict__ v,
    float* __restrict__ w,
    const long long* __restrict__ ints) {
    const long long n = ints[0];
    const long long i = blockIdx.x * 256LL + threadIdx.x;
    if (i >= n) return;
    const float s = v[i] * 0.9f - g[i] * 0.1f;
    v[i] = s;
    w[i] = w[i] + s;
}
