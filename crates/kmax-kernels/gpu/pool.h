// Max pooling with a square window; what lies outside of the map never wins.

// The place of the first largest value of a window, in reading order.
FUNCTION int largest(GLOBAL const real* map, Window at, int size, int row, int column) {
    const int top = row * at.stride - at.above, left = column * at.stride - at.before;
    int best = -1;
    float most = 0.0f;
    for (int y = top > 0 ? top : 0; y < top + size && y < at.height; ++y) {
        for (int x = left > 0 ? left : 0; x < left + size && x < at.width; ++x) {
            const float value = widen(map[y * at.width + x]);
            if (best < 0 || value > most) {
                best = y * at.width + x;
                most = value;
            }
        }
    }
    return best;
}

// An output a thread.
KERNEL(max_pool, INPUT(0, real, x), OUTPUT(1, real, y), WINDOW(2), INT(9, size), INT(10, maps)) {
    const int at = BLOCK * THREADS + THREAD;
    if (at >= maps * out_height * out_width) return;
    const Window window = THE_WINDOW;
    GLOBAL const real* map = x + at / out_width / out_height * height * width;
    y[at] = map[largest(map, window, size, at / out_width % out_height, at % out_width)];
}

// An input a thread; it looks for the windows in which it is the largest.
KERNEL(max_pool_gradient, INPUT(0, real, x), INPUT(1, real, grad), OUTPUT(2, real, of_x), WINDOW(3), INT(10, size), INT(11, maps)) {
    const int at = BLOCK * THREADS + THREAD;
    if (at >= maps * height * width) return;
    const Window window = THE_WINDOW;
    const int place = at % (height * width);
    const int map = at / (height * width);
    float sum = 0.0f;
    for (int dy = 0; dy < size; ++dy) {
        const int row = output_of(place / width, above, dy, stride, out_height);
        if (row < 0) continue;
        for (int dx = 0; dx < size; ++dx) {
            const int column = output_of(place % width, before, dx, stride, out_width);
            if (column < 0 || largest(x + map * height * width, window, size, row, column) != place) continue;
            sum += widen(grad[(map * out_height + row) * out_width + column]);
        }
    }
    of_x[at] = narrow(sum);
}
