// Post-processing: of mask logits [queries, height, width], looked at in another size, the two most probable queries of each pixel and
// their probabilities. The resized logits never exist. Above a threshold of 1/3, no third query can be.

#define NOBODY 0xffffffffu

// `a (1 - share) + b share`, or with `by_difference` `a + (b - a) share`: PyTorch's form and TensorFlow's.
FUNCTION float mixed(float a, float b, float share, int by_difference) {
    return by_difference ? a + (b - a) * share : a * (1.0f - share) + b * share;
}

FUNCTION float mixed_at(GLOBAL const real* map, int width, Sample row, Sample column, int by_difference) {
    GLOBAL const real* above = map + row.low * width;
    GLOBAL const real* below = map + row.high * width;
    const float upper = mixed(widen(above[column.low]), widen(above[column.high]), column.share, by_difference);
    const float lower = mixed(widen(below[column.low]), widen(below[column.high]), column.share, by_difference);
    return mixed(upper, lower, row.share, by_difference);
}

// A pixel a thread. Logits are resized to a middle size, that of the network's input, and with `twice` what is kept of that,
// `kept_height` and `kept_width`, to the size of the image. A query that takes no part has no probability; where one of those has the
// largest logit, the pixel is nobody's.
KERNEL(winners, INPUT(0, real, logits), INPUT(1, uint, takes_part), OUTPUT(2, uint, first), OUTPUT(3, float, of_first),
       OUTPUT(4, uint, second), OUTPUT(5, float, of_second), INT(6, queries), INT(7, height), INT(8, width), INT(9, out_height),
       INT(10, out_width), FLOAT(11, scale_y), FLOAT(12, scale_x), FLOAT(13, half_pixel), INT(14, by_difference), INT(15, twice),
       INT(16, kept_height), INT(17, kept_width), FLOAT(18, last_scale_y), FLOAT(19, last_scale_x), FLOAT(20, last_half_pixel)) {
    const int at = BLOCK * THREADS + THREAD;
    if (at >= out_height * out_width) return;
    const int y = at / out_width, x = at % out_width;
    Sample last_row = {y, y, 0.0f}, last_column = {x, x, 0.0f};
    if (twice) {
        last_row = sample(y, last_scale_y, last_half_pixel, kept_height);
        last_column = sample(x, last_scale_x, last_half_pixel, kept_width);
    }
    const Sample top = sample(last_row.low, scale_y, half_pixel, height), bottom = sample(last_row.high, scale_y, half_pixel, height);
    const Sample left = sample(last_column.low, scale_x, half_pixel, width);
    const Sample right = sample(last_column.high, scale_x, half_pixel, width);

    float most = -INFINITE, next = -INFINITE, aside = -INFINITE, sum = 0.0f;
    uint winner = NOBODY, runner_up = NOBODY;
    for (int query = 0; query < queries; ++query) {
        GLOBAL const real* map = logits + query * height * width;
        float value = mixed_at(map, width, top, left, by_difference);
        if (twice) {
            const float upper = mixed(value, mixed_at(map, width, top, right, by_difference), last_column.share, by_difference);
            const float lower = mixed(mixed_at(map, width, bottom, left, by_difference),
                                      mixed_at(map, width, bottom, right, by_difference), last_column.share, by_difference);
            value = mixed(upper, lower, last_row.share, by_difference);
        }
        if (!takes_part[query]) {
            aside = value > aside ? value : aside;
        } else if (value > most) {
            // The sum so far was of powers to the former largest.
            sum = FMA(sum, EXP(most - value), 1.0f);
            next = most;
            runner_up = winner;
            most = value;
            winner = (uint)query;
        } else {
            sum += EXP(value - most);
            if (value > next) {
                next = value;
                runner_up = (uint)query;
            }
        }
    }
    first[at] = aside > most ? NOBODY : winner;
    of_first[at] = winner == NOBODY ? 0.0f : 1.0f / sum;
    second[at] = runner_up;
    of_second[at] = runner_up == NOBODY ? 0.0f : EXP(next - most) / sum;
}

// Who claims each pixel with a probability above `threshold`, in one number: 1 + the winner in the lower 16 bits, 0 for nobody; with
// `pairs`, 1 + the runner-up in the upper ones. Above 1/3, no third query can. A pixel a thread.
KERNEL(claims, INPUT(0, float, of_first), INPUT(1, float, of_second), INPUT(2, uint, first), INPUT(3, uint, second), OUTPUT(4, uint, map),
       INT(5, pixels), FLOAT(6, threshold), INT(7, pairs)) {
    const int at = BLOCK * THREADS + THREAD;
    if (at >= pixels) return;
    const uint winner = first[at] != NOBODY && of_first[at] > threshold ? first[at] + 1u : 0u;
    const uint runner_up = pairs && second[at] != NOBODY && of_second[at] > threshold ? second[at] + 1u : 0u;
    map[at] = winner | (runner_up << 16);
}

// How many pixels each query claims, and the sum of its probabilities there. A query a block, whose threads each see every THREADS-th
// pixel; the sums of 64 of those are added up before they are added to the whole, which keeps digits.
KERNEL(claim_totals, INPUT(0, float, of_first), INPUT(1, float, of_second), INPUT(2, uint, map), OUTPUT(3, uint, counts),
       OUTPUT(4, float, sums), INT(5, pixels)) {
    SHARED(float, scratch, THREADS);
    SHARED(uint, counted, THREADS);
    const uint query = (uint)BLOCK + 1u;
    uint count = 0u;
    float whole = 0.0f, part = 0.0f;
    int seen = 0;
    for (int at = THREAD; at < pixels; at += THREADS) {
        const uint claimed = map[at];
        if ((claimed & 0xffffu) == query) {
            ++count;
            part += of_first[at];
        } else if (claimed >> 16 == query) {
            ++count;
            part += of_second[at];
        }
        if (++seen % 64 == 0) {
            whole += part;
            part = 0.0f;
        }
    }
    const float sum = block_sum(whole + part, scratch, THREAD);
    counted[THREAD] = count;
    BARRIER;
    for (int step = THREADS / 2; step > 0; step /= 2) {
        if (THREAD < step) counted[THREAD] += counted[THREAD + step];
        BARRIER;
    }
    if (THREAD == 0) {
        counts[BLOCK] = counted[0];
        sums[BLOCK] = sum;
    }
}
