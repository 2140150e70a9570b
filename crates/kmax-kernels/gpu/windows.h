// How a window moves over a map.

struct Window {
    int height, width;
    int out_height, out_width;
    int stride;
    // Zeros above and on the left.
    int above, before;
};

// The numbers of a window among the arguments of a kernel, from this place on.
#define WINDOW_PLACES 7
#define WINDOW(place)                                                                                                    \
    INT(place, height), INT(place + 1, width), INT(place + 2, out_height), INT(place + 3, out_width),                    \
        INT(place + 4, stride), INT(place + 5, above), INT(place + 6, before)
#define THE_WINDOW {height, width, out_height, out_width, stride, above, before}

// The output position whose tap `tap` lies on the input position `at`, of one axis; -1 if none is.
FUNCTION int output_of(int at, int pad, int tap, int stride, int outputs) {
    const int moved = at + pad - tap;
    if (moved < 0 || moved % stride != 0) return -1;
    const int output = moved / stride;
    return output < outputs ? output : -1;
}
