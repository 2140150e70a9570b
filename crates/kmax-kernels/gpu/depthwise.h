// Depthwise convolution of maps [batch, channels, height, width] with kernels [channels, K, K], bias and activation.
//
// A block makes a tile of one map, of inputs that it holds in shared memory. `depthwise` is for kernels that are none of these squares,
// and for larger strides.

#define TILE_WIDTH 32
#define TILE_HEIGHT (THREADS / TILE_WIDTH)
#define LARGEST_STRIDE 2
#define PATCH(k) (((TILE_WIDTH - 1) * LARGEST_STRIDE + (k)) * ((TILE_HEIGHT - 1) * LARGEST_STRIDE + (k)))

// One sum of the tile, which starts at the output (top, left). All threads come here, for the barrier.
template <int K>
FUNCTION float tile_sum(GLOBAL const real* map, GLOBAL const real* kernel, Window at, int top, int left, LOCAL float* patch,
                        LOCAL float* taps, int thread) {
    const int patch_width = (TILE_WIDTH - 1) * at.stride + K, patch_height = (TILE_HEIGHT - 1) * at.stride + K;
    for (int i = thread; i < K * K; i += THREADS) taps[i] = widen(kernel[i]);
    for (int i = thread; i < patch_width * patch_height; i += THREADS) {
        const int row = top * at.stride - at.above + i / patch_width;
        const int column = left * at.stride - at.before + i % patch_width;
        const bool inside = row >= 0 && row < at.height && column >= 0 && column < at.width;
        patch[i] = inside ? widen(map[row * at.width + column]) : 0.0f;
    }
    BARRIER;
    const int first = thread / TILE_WIDTH * at.stride * patch_width + thread % TILE_WIDTH * at.stride;
    float sum = 0.0f;
#pragma unroll
    for (int dy = 0; dy < K; ++dy) {
#pragma unroll
        for (int dx = 0; dx < K; ++dx) sum = FMA(patch[first + dy * patch_width + dx], taps[dy * K + dx], sum);
    }
    return sum;
}

#define DEPTHWISE(name, K)                                                                                               \
    KERNEL(name, INPUT(0, real, x), INPUT(1, real, w), INPUT(2, real, bias), OUTPUT(3, real, y), WINDOW(4),              \
           INT(11, channels), INT(12, has_bias), INT(13, activation)) {                                                  \
        SHARED(float, patch, PATCH(K));                                                                                  \
        SHARED(float, taps, (K) * (K));                                                                                  \
        const Window window = THE_WINDOW;                                                                                \
        const int across = (out_width + TILE_WIDTH - 1) / TILE_WIDTH;                                                    \
        const int down = (out_height + TILE_HEIGHT - 1) / TILE_HEIGHT;                                                   \
        const int map = BLOCK / (across * down), channel = map % channels;                                               \
        const int top = BLOCK / across % down * TILE_HEIGHT, left = BLOCK % across * TILE_WIDTH;                         \
        const float sum = tile_sum<K>(x + map * height * width, w + channel * (K) * (K), window, top, left,     \
                                      patch, taps, THREAD);                                                              \
        const int row = top + THREAD / TILE_WIDTH, column = left + THREAD % TILE_WIDTH;                                  \
        if (row >= out_height || column >= out_width) return;                                                            \
        const float biased = has_bias ? sum + widen(bias[channel]) : sum;                                                \
        y[(map * out_height + row) * out_width + column] = narrow(activate(activation, biased));                \
    }
DEPTHWISE(depthwise3, 3)
DEPTHWISE(depthwise5, 5)
DEPTHWISE(depthwise7, 7)

// An output a thread, of any kernel.
KERNEL(depthwise, INPUT(0, real, x), INPUT(1, real, w), INPUT(2, real, bias), OUTPUT(3, real, y), WINDOW(4), INT(11, channels),
       INT(12, has_bias), INT(13, activation), INT(14, kernel_height), INT(15, kernel_width), INT(16, maps)) {
    const int at = BLOCK * THREADS + THREAD, area = out_height * out_width;
    if (at >= maps * area) return;
    const int map = at / area, channel = map % channels;
    const int top = at % area / out_width * stride - above, left = at % area % out_width * stride - before;
    float sum = 0.0f;
    for (int dy = 0; dy < kernel_height; ++dy) {
        for (int dx = 0; dx < kernel_width; ++dx) {
            const int row = top + dy, column = left + dx;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            const float tap = widen(w[(channel * kernel_height + dy) * kernel_width + dx]);
            sum = FMA(widen(x[(map * height + row) * width + column]), tap, sum);
        }
    }
    if (has_bias) sum += widen(bias[channel]);
    y[at] = narrow(activate(activation, sum));
}
