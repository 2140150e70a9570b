// The patches of a convolution laid out as the matrix [channels * K * K, out_height * out_width] of each image, so that one product
// with the kernels [outputs, channels * K * K] gives the maps as they are stored; and the way back.

// An element a thread.
KERNEL(columns, INPUT(0, real, x), OUTPUT(1, real, y), WINDOW(2), INT(9, kernel_height), INT(10, kernel_width), INT(11, dilation),
       INT(12, maps)) {
    const int area = out_height * out_width, taps = kernel_height * kernel_width;
    const int at = BLOCK * THREADS + THREAD;
    if (at >= maps * taps * area) return;
    const int pixel = at % area, tap = at / area % taps;
    const int map = at / area / taps;
    const int row = pixel / out_width * stride + tap / kernel_width * dilation - above;
    const int column = pixel % out_width * stride + tap % kernel_width * dilation - before;
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    y[at] = inside ? x[(map * height + row) * width + column] : narrow(0.0f);
}

// The sum of all elements that were taken from one of the input, an input a thread.
KERNEL(columns_gradient, INPUT(0, real, grad), OUTPUT(1, real, of_x), WINDOW(2), INT(9, kernel_height), INT(10, kernel_width),
       INT(11, dilation), INT(12, maps)) {
    const int area = out_height * out_width, taps = kernel_height * kernel_width;
    const int at = BLOCK * THREADS + THREAD;
    if (at >= maps * height * width) return;
    const int row = at / width % height, column = at % width;
    const int map = at / width / height;
    float sum = 0.0f;
    for (int tap = 0; tap < taps; ++tap) {
        const int out_row = output_of(row, above, tap / kernel_width * dilation, stride, out_height);
        const int out_column = output_of(column, before, tap % kernel_width * dilation, stride, out_width);
        if (out_row < 0 || out_column < 0) continue;
        sum += widen(grad[(map * taps + tap) * area + out_row * out_width + out_column]);
    }
    of_x[at] = narrow(sum);
}
