// What follows a product or a norm, in one pass: a factor and a bias for each channel, a residual, an activation.

KERNEL(epilogue, INPUT(0, real, x), INPUT(1, real, scale), INPUT(2, real, bias), INPUT(3, real, residual), OUTPUT(4, real, y),
       INT(5, count), INT(6, channels), INT(7, area), INT(8, has_scale), INT(9, has_bias), INT(10, has_residual),
       INT(11, activation)) {
    const uint at = (uint)BLOCK * THREADS + (uint)THREAD;
    if (at >= (uint)count) return;
    const uint channel = at / (uint)area % (uint)channels;
    float value = widen(x[at]);
    // Rounded once: a norm's product and bias may be large and cancel.
    value = FMA(value, has_scale ? widen(scale[channel]) : 1.0f, has_bias ? widen(bias[channel]) : 0.0f);
    if (has_residual) value += widen(residual[at]);
    y[at] = narrow(activate(activation, value));
}

// The gradient of what an activation is applied to.
KERNEL(activation_gradient, INPUT(0, real, x), INPUT(1, real, grad), OUTPUT(2, real, of_x), INT(3, count), INT(4, activation)) {
    const uint at = (uint)BLOCK * THREADS + (uint)THREAD;
    if (at >= (uint)count) return;
    of_x[at] = narrow(widen(grad[at]) * slope(activation, widen(x[at])));
}
