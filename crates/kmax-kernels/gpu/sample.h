// Where bilinear resizing takes its values.

// An output position lies at low * (1 - share) + high * share of the input.
struct Sample {
    int low, high;
    float share;
};

// Of the output position `at`; `scale` is inputs per output, `half_pixel` 0 where corners are aligned and 0.5 where borders are.
FUNCTION Sample sample(int at, float scale, float half_pixel, int inputs) {
    // The products and sums are rounded one by one, as on the processor.
    const float moved = (float)at + half_pixel;
    float position = ROUNDED_MULTIPLY(moved, scale) - half_pixel;
    position = position > 0.0f ? position : 0.0f;
    Sample found;
    found.low = (int)position < inputs - 1 ? (int)position : inputs - 1;
    found.high = found.low + 1 < inputs - 1 ? found.low + 1 : inputs - 1;
    const float share = position - (float)found.low;
    found.share = share < 0.0f ? 0.0f : share > 1.0f ? 1.0f : share;
    return found;
}

// The share that the input position `at` has in a sample.
FUNCTION float share_of(Sample s, int at) {
    return (s.low == at ? 1.0f - s.share : 0.0f) + (s.high == at ? s.share : 0.0f);
}
