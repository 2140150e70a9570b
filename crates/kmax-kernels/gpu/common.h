// What several kernels need.

// The activations, by number: identity, relu, relu6, gelu.
#define RELU 1
#define RELU6 2
#define GELU 3

// The normal distribution's tail (1 - erf(t / sqrt 2)) / 2 for t >= 0: one over the eighth power of a polynomial, as on the processor.
FUNCTION float normal_tail(float t) {
    float root = 9.950607e-9f;
    root = FMA(root, t, -1.2794355e-7f);
    root = FMA(root, t, 9.0233704e-7f);
    root = FMA(root, t, -2.2495199e-6f);
    root = FMA(root, t, 7.307093e-6f);
    root = FMA(root, t, 2.8392276e-5f);
    root = FMA(root, t, 2.6652703e-4f);
    root = FMA(root, t, 9.098137e-4f);
    root = FMA(root, t, 9.467923e-3f);
    root = FMA(root, t, 4.8811913e-2f);
    root = FMA(root, t, 1.0876261e-1f);
    root = FMA(root, t, 1.0905077f);
    const float fourth = root * root * (root * root);
    return 1.0f / (fourth * fourth);
}

// The absolute value, or 32, where the tail has long vanished. NaN stays NaN, as everywhere below.
FUNCTION float bounded(float x) {
    const float t = ABS(x);
    return t > 32.0f ? 32.0f : t;
}

FUNCTION float activate(int activation, float x) {
    if (activation == GELU) {
        const float t = bounded(x);
        return (x < 0.0f ? 0.0f : x) - t * normal_tail(t);
    }
    if (activation == RELU || activation == RELU6) x = x < 0.0f ? 0.0f : x;
    return activation == RELU6 && x > 6.0f ? 6.0f : x;
}

// The derivative of an activation; 0 at its kinks.
FUNCTION float slope(int activation, float x) {
    if (activation == GELU) {
        const float tail = normal_tail(bounded(x));
        const float density = 0.39894228f * EXP(-0.5f * x * x);
        return FMA(x, density, x < 0.0f ? tail : 1.0f - tail);
    }
    if (activation == RELU) return x > 0.0f ? 1.0f : 0.0f;
    if (activation == RELU6) return x > 0.0f && x < 6.0f ? 1.0f : 0.0f;
    return 1.0f;
}

// The sum of the parts of all threads of the block, the same for all; `scratch` has THREADS places.
FUNCTION float block_sum(float part, LOCAL float* scratch, int thread) {
    scratch[thread] = part;
    BARRIER;
    for (int step = THREADS / 2; step > 0; step /= 2) {
        if (thread < step) scratch[thread] += scratch[thread + step];
        BARRIER;
    }
    const float sum = scratch[0];
    BARRIER;
    return sum;
}
