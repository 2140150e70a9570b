// What is done along an axis of [outer, length, inner]: layer norm, softmax, division by the Euclidean norm.
//
// A block has some columns along the axis, and some lanes that share the work of each; neighbouring threads have neighbouring columns.

#define COLUMNS 32
#define LANES (THREADS / COLUMNS)

// Where a thread's column begins, or -1 where there is none. All threads stay, for the barriers.
FUNCTION int column_start(int block, int thread, int outer, int length, int inner) {
    const int column = block * COLUMNS + thread % COLUMNS;
    if (column >= outer * inner) return -1;
    return column / inner * length * inner + column % inner;
}

// The sum of the parts of a column's lanes, in the order of the lanes.
FUNCTION float lanes_sum(float part, LOCAL float* scratch, int thread) {
    scratch[thread] = part;
    BARRIER;
    float sum = 0.0f;
    for (int lane = 0; lane < LANES; ++lane) sum += scratch[lane * COLUMNS + thread % COLUMNS];
    BARRIER;
    return sum;
}

FUNCTION float lanes_most(float part, LOCAL float* scratch, int thread) {
    scratch[thread] = part;
    BARRIER;
    float most = scratch[thread % COLUMNS];
    for (int lane = 1; lane < LANES; ++lane) {
        const float other = scratch[lane * COLUMNS + thread % COLUMNS];
        most = other > most ? other : most;
    }
    BARRIER;
    return most;
}

// What all kernels of this file begin with: a thread's column and lane.
#define COLUMN                                                            \
    SHARED(float, scratch, THREADS);                                      \
    const int start = column_start(BLOCK, THREAD, outer, length, inner); \
    const int lane = THREAD / COLUMNS;                                    \
    const int end = start < 0 ? 0 : length

KERNEL(layer_norm, INPUT(0, real, x), INPUT(1, real, gain), INPUT(2, real, shift), OUTPUT(3, real, y), INT(4, outer), INT(5, length),
       INT(6, inner), FLOAT(7, eps)) {
    COLUMN;
    float sum = 0.0f;
    for (int i = lane; i < end; i += LANES) sum += widen(x[start + i * inner]);
    float mean = lanes_sum(sum, scratch, THREAD) / (float)length;
    float squares = 0.0f, rest = 0.0f;
    for (int i = lane; i < end; i += LANES) {
        const float apart = widen(x[start + i * inner]) - mean;
        squares = FMA(apart, apart, squares);
        rest += apart;
    }
    // What rounding left of the mean: all channels would miss the same, and the next product would add that up.
    rest = lanes_sum(rest, scratch, THREAD) / (float)length;
    mean += rest;
    const float variance = lanes_sum(squares, scratch, THREAD) / (float)length - rest * rest;
    const float factor = 1.0f / ROOT(variance + eps);
    for (int i = lane; i < end; i += LANES) {
        const int at = start + i * inner;
        y[at] = narrow(FMA((widen(x[at]) - mean) * factor, widen(gain[i]), widen(shift[i])));
    }
}

KERNEL(softmax, INPUT(0, real, x), OUTPUT(1, real, y), INT(2, outer), INT(3, length), INT(4, inner)) {
    COLUMN;
    float most = -INFINITE;
    for (int i = lane; i < end; i += LANES) {
        const float value = widen(x[start + i * inner]);
        most = value > most ? value : most;
    }
    most = lanes_most(most, scratch, THREAD);
    float sum = 0.0f;
    for (int i = lane; i < end; i += LANES) sum += EXP(widen(x[start + i * inner]) - most);
    const float factor = 1.0f / lanes_sum(sum, scratch, THREAD);
    for (int i = lane; i < end; i += LANES) {
        const int at = start + i * inner;
        y[at] = narrow(EXP(widen(x[at]) - most) * factor);
    }
}

KERNEL(l2_norm, INPUT(0, real, x), OUTPUT(1, real, y), INT(2, outer), INT(3, length), INT(4, inner), FLOAT(5, eps)) {
    COLUMN;
    float squares = 0.0f;
    for (int i = lane; i < end; i += LANES) {
        const float value = widen(x[start + i * inner]);
        squares = FMA(value, value, squares);
    }
    const float norm = ROOT(lanes_sum(squares, scratch, THREAD));
    const float factor = 1.0f / (norm > eps ? norm : eps);
    for (int i = lane; i < end; i += LANES) {
        const int at = start + i * inner;
        y[at] = narrow(widen(x[at]) * factor);
    }
}
