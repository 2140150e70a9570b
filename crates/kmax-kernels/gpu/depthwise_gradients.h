// The gradients of a depthwise convolution. Each sum is made by one thread or block in a fixed order, so that results repeat.

// Of the input, an element a thread: of the gradient [batch, channels, out_height, out_width] and the kernel.
KERNEL(depthwise_input_gradient, INPUT(0, real, grad), INPUT(1, real, w), OUTPUT(2, real, of_x), WINDOW(3), INT(10, channels),
       INT(11, kernel_height), INT(12, kernel_width), INT(13, maps)) {
    const int at = BLOCK * THREADS + THREAD, area = height * width;
    if (at >= maps * area) return;
    const int map = at / area, channel = map % channels;
    const int row = at % area / width, column = at % area % width;
    float sum = 0.0f;
    for (int dy = 0; dy < kernel_height; ++dy) {
        const int out_row = output_of(row, above, dy, stride, out_height);
        if (out_row < 0) continue;
        for (int dx = 0; dx < kernel_width; ++dx) {
            const int out_column = output_of(column, before, dx, stride, out_width);
            if (out_column < 0) continue;
            const float tap = widen(w[(channel * kernel_height + dy) * kernel_width + dx]);
            sum = FMA(widen(grad[(map * out_height + out_row) * out_width + out_column]), tap, sum);
        }
    }
    of_x[at] = narrow(sum);
}

// Of the kernel, a tap of a channel a block.
KERNEL(depthwise_kernel_gradient, INPUT(0, real, x), INPUT(1, real, grad), OUTPUT(2, real, of_w), WINDOW(3), INT(10, channels),
       INT(11, kernel_height), INT(12, kernel_width), INT(13, batch)) {
    SHARED(float, scratch, THREADS);
    const int taps = kernel_height * kernel_width, channel = BLOCK / taps;
    const int dy = BLOCK % taps / kernel_width - above, dx = BLOCK % taps % kernel_width - before;
    const int area = out_height * out_width;
    float sum = 0.0f;
    for (int image = 0; image < batch; ++image) {
        const int map = image * channels + channel;
        for (int at = THREAD; at < area; at += THREADS) {
            const int row = at / out_width * stride + dy, column = at % out_width * stride + dx;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            sum = FMA(widen(x[(map * height + row) * width + column]), widen(grad[map * area + at]), sum);
        }
    }
    sum = block_sum(sum, scratch, THREAD);
    if (THREAD == 0) of_w[BLOCK] = narrow(sum);
}
