// Bilinear resizing of maps, and its gradient.

// An output a thread.
KERNEL(resize, INPUT(0, real, x), OUTPUT(1, real, y), INT(2, maps), INT(3, height), INT(4, width), INT(5, out_height),
       INT(6, out_width), FLOAT(7, scale_y), FLOAT(8, scale_x), FLOAT(9, half_pixel)) {
    const int at = BLOCK * THREADS + THREAD;
    if (at >= maps * out_height * out_width) return;
    const Sample row = sample(at / out_width % out_height, scale_y, half_pixel, height);
    const Sample column = sample(at % out_width, scale_x, half_pixel, width);
    GLOBAL const real* map = x + at / out_width / out_height * height * width;
    GLOBAL const real* above = map + row.low * width;
    GLOBAL const real* below = map + row.high * width;
    const float rest = 1.0f - column.share;
    const float upper = FMA(widen(above[column.low]), rest, widen(above[column.high]) * column.share);
    const float lower = FMA(widen(below[column.low]), rest, widen(below[column.high]) * column.share);
    y[at] = narrow(FMA(upper, 1.0f - row.share, lower * row.share));
}

// The outputs around an input position that may have a share of it: those from `first_near` on while they do not lie beyond.
FUNCTION int first_near(int at, float scale, float half_pixel, int outputs) {
    // Without a step between outputs, all lie at the same place.
    if (scale <= 0.0f) return 0;
    const float first = ((float)at - 1.0f + half_pixel) / scale - half_pixel - 1.0f;
    return first > 0.0f ? (first < (float)outputs ? (int)first : outputs) : 0;
}

// An input a thread; it looks for the outputs that it has a share in.
KERNEL(resize_gradient, INPUT(0, real, grad), OUTPUT(1, real, of_x), INT(2, maps), INT(3, height), INT(4, width), INT(5, out_height),
       INT(6, out_width), FLOAT(7, scale_y), FLOAT(8, scale_x), FLOAT(9, half_pixel)) {
    const int at = BLOCK * THREADS + THREAD;
    if (at >= maps * height * width) return;
    const int row = at / width % height, column = at % width;
    GLOBAL const real* map = grad + at / width / height * out_height * out_width;
    const int first_row = first_near(row, scale_y, half_pixel, out_height);
    const int first_column = first_near(column, scale_x, half_pixel, out_width);
    float sum = 0.0f;
    for (int y = first_row; y < out_height; ++y) {
        const Sample from_row = sample(y, scale_y, half_pixel, height);
        if (from_row.low > row) break;
        const float of_row = share_of(from_row, row);
        if (of_row == 0.0f) continue;
        for (int x = first_column; x < out_width; ++x) {
            const Sample from_column = sample(x, scale_x, half_pixel, width);
            if (from_column.low > column) break;
            sum = FMA(widen(map[y * out_width + x]), of_row * share_of(from_column, column), sum);
        }
    }
    of_x[at] = narrow(sum);
}
