//! Colours for maps: always the same for the same number, and far apart for neighbours.

use crate::categories::Category;

/// Turning the hue by the golden ratio keeps any number of colours apart.
const GOLDEN_RATIO: f64 = 0.618_033_988_749_895;

/// The first colours: each as far from those before it as colours of middling lightness and saturation can be, in CIE L*a*b*.
const FIRST: [[u8; 3]; 32] = [
    [240, 120, 30],
    [0, 105, 255],
    [0, 225, 105],
    [255, 0, 150],
    [30, 195, 225],
    [210, 210, 0],
    [240, 180, 240],
    [60, 105, 45],
    [165, 75, 75],
    [240, 105, 255],
    [240, 0, 60],
    [15, 105, 180],
    [225, 195, 120],
    [90, 225, 180],
    [150, 45, 135],
    [105, 165, 30],
    [135, 90, 0],
    [255, 180, 0],
    [150, 120, 225],
    [255, 120, 165],
    [240, 150, 105],
    [165, 210, 135],
    [180, 60, 30],
    [135, 135, 15],
    [180, 0, 75],
    [255, 135, 225],
    [165, 180, 255],
    [135, 75, 225],
    [0, 150, 75],
    [0, 180, 255],
    [0, 135, 105],
    [135, 90, 150],
];

/// A colour from hue, saturation and value, all in 0..1.
fn from_hsv(hue: f64, saturation: f64, value: f64) -> [u8; 3] {
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue * 6.0) % 6.0;
        let channel = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (channel * 255.0).round() as u8
    })
}

/// The colour of the class or segment at `index`.
pub fn palette(index: usize) -> [u8; 3] {
    if let Some(color) = FIRST.get(index) {
        return *color;
    }
    let hue = (0.11 + index as f64 * GOLDEN_RATIO).fract();
    // Classes of like hue are a Fibonacci number apart, so that these two rounds set them apart again.
    from_hsv(hue, [0.85, 0.6, 0.45, 0.72, 0.52][index % 5], [0.95, 0.7, 0.82][(index / 5) % 3])
}

/// A colour near `base` for the instance numbered `instance`; 0 is `base` itself.
pub fn instance(base: [u8; 3], instance: usize) -> [u8; 3] {
    if instance == 0 {
        return base;
    }
    let shift = |channel: u8, phase: f64| {
        let wave = (instance as f64 * GOLDEN_RATIO + phase).fract() * 2.0 - 1.0;
        (f64::from(channel) + wave * 50.0).round().clamp(0.0, 255.0) as u8
    };
    [shift(base[0], 0.0), shift(base[1], 1.0 / 3.0), shift(base[2], 2.0 / 3.0)]
}

/// The colour of the `nth` segment of a class: its own for stuff, one near it for each instance of a thing.
/// Classes without a colour (black) get one from the palette.
pub fn of_segment(category: &Category, nth: usize) -> [u8; 3] {
    let base = if category.color == [0; 3] { palette(category.id as usize) } else { category.color };
    if category.isthing { instance(base, nth) } else { base }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: [u8; 3], b: [u8; 3]) -> i32 {
        (0..3).map(|i| (i32::from(a[i]) - i32::from(b[i])).abs()).sum()
    }

    #[test]
    fn corners_of_the_cone() {
        assert_eq!(from_hsv(0.0, 1.0, 1.0), [255, 0, 0]);
        assert_eq!(from_hsv(1.0 / 3.0, 1.0, 1.0), [0, 255, 0]);
        assert_eq!(from_hsv(2.0 / 3.0, 1.0, 0.5), [0, 0, 128]);
        assert_eq!(from_hsv(0.4, 0.0, 1.0), [255; 3]);
    }

    #[test]
    fn two_hundred_colours_are_apart_and_so_are_neighbours() {
        let colours: Vec<_> = (0..200).map(palette).collect();
        for (index, &colour) in colours.iter().enumerate() {
            assert!(colours[..index].iter().all(|&other| distance(colour, other) > 3), "{index}");
        }
        assert!(colours.windows(2).all(|pair| distance(pair[0], pair[1]) > 90));
    }

    #[test]
    fn instances_stay_near_their_class() {
        let base = [120, 130, 140];
        let near: Vec<_> = (0..20).map(|n| instance(base, n)).collect();
        assert_eq!(near[0], base);
        assert!(near.iter().all(|&colour| distance(colour, base) <= 150));
        assert!(near.windows(2).all(|pair| distance(pair[0], pair[1]) > 10));
    }
}
