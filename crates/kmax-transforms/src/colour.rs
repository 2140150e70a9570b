//! Brightness, contrast and saturation of planar images.

/// Factors of a colour change; 1 leaves everything as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter {
    /// Every value is multiplied by this.
    pub brightness: f32,
    /// Distances from the mean grey of the image are multiplied by this.
    pub contrast: f32,
    /// Distances from a pixel's own grey are multiplied by this.
    pub saturation: f32,
}

impl Jitter {
    /// Nothing changes.
    pub const NONE: Self = Self { brightness: 1.0, contrast: 1.0, saturation: 1.0 };

    /// Changes the three planes in place: brightness, then contrast, then saturation, then values outside 0..255
    /// are cut off.
    pub fn apply(&self, red: &mut [f32], green: &mut [f32], blue: &mut [f32]) {
        if *self == Self::NONE || red.is_empty() {
            return;
        }
        let greys =
            red.iter().zip(green.iter()).zip(blue.iter()).map(|((r, g), b)| f64::from(grey(*r, *g, *b)));
        let mean = self.brightness * (greys.sum::<f64>() / red.len() as f64) as f32;
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            let contrasted = [*r, *g, *b].map(|v| mean + self.contrast * (self.brightness * v - mean));
            let own = grey(contrasted[0], contrasted[1], contrasted[2]);
            let [r2, g2, b2] = contrasted.map(|v| (own + self.saturation * (v - own)).clamp(0.0, 255.0));
            (*r, *g, *b) = (r2, g2, b2);
        }
    }
}

/// Luma of ITU-R BT.601.
fn grey(r: f32, g: f32, b: f32) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(jitter: Jitter, pixels: [[f32; 3]; 2]) -> [[f32; 3]; 2] {
        let mut planes = [0, 1, 2].map(|c| pixels.map(|p| p[c]));
        let [r, g, b] = &mut planes;
        jitter.apply(r, g, b);
        [0, 1].map(|i| [planes[0][i], planes[1][i], planes[2][i]])
    }

    fn close(found: [[f32; 3]; 2], expected: [[f32; 3]; 2]) {
        let pairs = found.as_flattened().iter().zip(expected.as_flattened());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-3), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn each_factor_does_its_own() {
        let pixels = [[100.0, 100.0, 100.0], [200.0, 200.0, 200.0]];
        close(apply(Jitter::NONE, pixels), pixels);
        close(apply(Jitter { brightness: 0.5, ..Jitter::NONE }, pixels), [[50.0; 3], [100.0; 3]]);
        close(apply(Jitter { contrast: 0.5, ..Jitter::NONE }, pixels), [[125.0; 3], [175.0; 3]]);
        // Both at once: greys at 50 and 100 move halfway to their mean.
        let both = Jitter { brightness: 0.5, contrast: 0.5, saturation: 1.0 };
        close(apply(both, pixels), [[62.5; 3], [87.5; 3]]);
        let coloured = [[255.0, 0.0, 0.0], [10.0, 10.0, 10.0]];
        let grey = Jitter { saturation: 0.0, ..Jitter::NONE };
        close(apply(grey, coloured), [[76.245; 3], [10.0; 3]]);
        close(apply(Jitter { brightness: 2.0, ..Jitter::NONE }, pixels), [[200.0; 3], [255.0; 3]]);
    }
}
