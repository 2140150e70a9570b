// Axial attention for inference: each head attends along the columns or rows of a map [batch, heads * (2 key + value), height, width] of
// queries, keys and values, with a table row for each distance.

// Queries of a line that a block answers together, and threads that share a query's softmax.
#define QUERIES 8
#define LANES (THREADS / QUERIES)
// The longest line: position tables reach no further.
#define LONGEST 256

KERNEL(axial, INPUT(0, real, qkv), INPUT(1, real, by_query), INPUT(2, real, by_key), INPUT(3, real, by_value),
       INPUT(4, real, similarity_scale), INPUT(5, real, retrieved_scale), INPUT(6, real, offset), OUTPUT(7, real, y), INT(8, heads),
       INT(9, key), INT(10, value), INT(11, length), INT(12, lines), INT(13, vertical), INT(14, stride), INT(15, middle)) {
    SHARED(float, weights, QUERIES * LONGEST);
    SHARED(float, scratch, THREADS);
    const int queries = (length + stride - 1) / stride, tiles = (queries + QUERIES - 1) / QUERIES;
    // Neighbouring blocks have neighbouring lines: of a vertical one, they read the same sectors of memory.
    const int line = BLOCK % lines, first = BLOCK / lines % tiles * QUERIES;
    const int head = BLOCK / lines / tiles % heads, image = BLOCK / lines / tiles / heads;
    // From one position of the line to the next, and to the line.
    const int step = vertical ? lines : 1, area = length * lines;
    const int begin = image * heads * (2 * key + value) * area + (vertical ? line : line * length);
    GLOBAL const real* q = qkv + begin + head * key * area;
    GLOBAL const real* k = qkv + begin + (heads + head) * key * area;
    GLOBAL const real* v = qkv + begin + (2 * heads * key + head * value) * area;
    const float content = widen(similarity_scale[head]), on_query = widen(similarity_scale[heads + head]);
    const float on_key = widen(similarity_scale[2 * heads + head]);

    for (int pair = THREAD; pair < QUERIES * length; pair += THREADS) {
        const int query = first + pair / length, j = pair % length;
        if (query >= queries) continue;
        const int i = query * stride, distance = (middle + j - i) * key;
        float by_content = 0.0f, by_position = 0.0f, by_key_position = 0.0f;
        for (int c = 0; c < key; ++c) {
            const float asked = widen(q[c * area + i * step]), given = widen(k[c * area + j * step]);
            by_content = FMA(asked, given, by_content);
            by_position = FMA(asked, widen(by_query[distance + c]), by_position);
            by_key_position = FMA(given, widen(by_key[distance + c]), by_key_position);
        }
        weights[pair / length * LONGEST + j] = content * by_content + on_query * by_position + on_key * by_key_position;
    }
    BARRIER;

    const int row = THREAD / LANES, lane = THREAD % LANES, end = first + row < queries ? length : 0;
    LOCAL float* own = weights + row * LONGEST;
    float most = -INFINITE;
    for (int j = lane; j < end; j += LANES) most = own[j] > most ? own[j] : most;
    scratch[THREAD] = most;
    BARRIER;
    for (int other = 0; other < LANES; ++other) {
        const float theirs = scratch[row * LANES + other];
        most = theirs > most ? theirs : most;
    }
    BARRIER;
    float sum = 0.0f;
    for (int j = lane; j < end; j += LANES) {
        own[j] = EXP(own[j] - most);
        sum += own[j];
    }
    scratch[THREAD] = sum;
    BARRIER;

    const int out_area = queries * lines, out_step = vertical ? lines : 1;
    for (int at = THREAD; at < QUERIES * value; at += THREADS) {
        // Neighbouring threads have neighbouring queries, and write next to each other along a row.
        const int r = at % QUERIES, query = first + r, d = at / QUERIES, channel = head * value + d;
        if (query >= queries) continue;
        float total = 0.0f;
        for (int other = 0; other < LANES; ++other) total += scratch[r * LANES + other];
        const int distance = (middle - query * stride) * value + d;
        float by_content = 0.0f, by_position = 0.0f;
        for (int j = 0; j < length; ++j) {
            const float weight = weights[r * LONGEST + j];
            by_content = FMA(weight, widen(v[d * area + j * step]), by_content);
            by_position = FMA(weight, widen(by_value[distance + j * value]), by_position);
        }
        const float retrieved = (by_content * widen(retrieved_scale[channel]) +
                                 by_position * widen(retrieved_scale[heads * value + channel])) / total;
        const int to = (image * heads * value + channel) * out_area + (vertical ? line : line * queries);
        y[to + query * out_step] = narrow(retrieved + widen(offset[channel]));
    }
}
