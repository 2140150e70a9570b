// The two halves of a k-means step, and the gradient of the second.

// The center of the largest logit of each pixel, the first of equal ones: [batch, centers, pixels] to [batch, pixels]. A pixel a thread.
KERNEL(nearest_center, INPUT(0, real, logits), OUTPUT(1, uint, nearest), INT(2, batch), INT(3, centers), INT(4, pixels)) {
    const int at = BLOCK * THREADS + THREAD;
    if (at >= batch * pixels) return;
    GLOBAL const real* column = logits + at / pixels * centers * pixels + at % pixels;
    float most = widen(column[0]);
    uint best = 0;
    for (int center = 1; center < centers; ++center) {
        const float value = widen(column[center * pixels]);
        if (value > most) {
            most = value;
            best = (uint)center;
        }
    }
    nearest[at] = best;
}

// Channels that a block sums together, and pixels that it looks at together.
#define CHANNELS 4
#define PIXELS 512

// The sums of the values of each center's pixels: [batch, channels, pixels] to [batch, channels, centers]. A center a thread, over all
// pixels in their order, so that sums repeat; those of PIXELS are added up before they are added to the whole, which keeps digits.
KERNEL(center_sums, INPUT(0, real, values), INPUT(1, uint, assignment), OUTPUT(2, real, sums), INT(3, channels), INT(4, pixels),
       INT(5, centers)) {
    SHARED(float, tile, CHANNELS * PIXELS);
    SHARED(int, members, PIXELS);
    const int groups = (channels + CHANNELS - 1) / CHANNELS, spans = (centers + THREADS - 1) / THREADS;
    const int center = BLOCK % spans * THREADS + THREAD, image = BLOCK / spans / groups;
    const int first = BLOCK / spans % groups * CHANNELS, taken = channels - first < CHANNELS ? channels - first : CHANNELS;
    GLOBAL const real* rows = values + (image * channels + first) * pixels;
    float whole0 = 0.0f, whole1 = 0.0f, whole2 = 0.0f, whole3 = 0.0f;
    for (int start = 0; start < pixels; start += PIXELS) {
        const int here = pixels - start < PIXELS ? pixels - start : PIXELS;
        for (int i = THREAD; i < here; i += THREADS) members[i] = (int)assignment[image * pixels + start + i];
        for (int i = THREAD; i < CHANNELS * PIXELS; i += THREADS) {
            const int channel = i / PIXELS, pixel = i % PIXELS;
            const bool inside = channel < taken && pixel < here;
            tile[i] = inside ? widen(rows[channel * pixels + start + pixel]) : 0.0f;
        }
        BARRIER;
        float part0 = 0.0f, part1 = 0.0f, part2 = 0.0f, part3 = 0.0f;
        for (int i = 0; i < here; ++i) {
            if (members[i] != center) continue;
            part0 += tile[i];
            part1 += tile[PIXELS + i];
            part2 += tile[2 * PIXELS + i];
            part3 += tile[3 * PIXELS + i];
        }
        whole0 += part0;
        whole1 += part1;
        whole2 += part2;
        whole3 += part3;
        BARRIER;
    }
    if (center >= centers) return;
    GLOBAL real* out = sums + (image * channels + first) * centers + center;
    out[0] = narrow(whole0);
    if (taken > 1) out[centers] = narrow(whole1);
    if (taken > 2) out[2 * centers] = narrow(whole2);
    if (taken > 3) out[3 * centers] = narrow(whole3);
}

// Each pixel gets the gradient of its center's sum. An element a thread.
KERNEL(center_sums_gradient, INPUT(0, real, grad), INPUT(1, uint, assignment), OUTPUT(2, real, of_values), INT(3, batch),
       INT(4, channels), INT(5, pixels), INT(6, centers)) {
    const int at = BLOCK * THREADS + THREAD, row = at / pixels;
    if (row >= batch * channels) return;
    const uint center = assignment[row / channels * pixels + at % pixels];
    of_values[at] = center < (uint)centers ? grad[row * centers + (int)center] : narrow(0.0f);
}
