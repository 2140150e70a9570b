//! ICC profiles: what the values of a picture mean, as sRGB.

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform16BitExecutor, TransformOptions};

/// Of what a picture's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    Grey,
    Rgb,
    Cmyk,
}

impl Space {
    /// Values of a pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    fn layout(self) -> Layout {
        match self {
            Self::Grey => Layout::Gray,
            Self::Rgb => Layout::Rgb,
            // Four values in a row, whatever they are called.
            Self::Cmyk => Layout::Rgba,
        }
    }
}

/// What a profile means for a picture.
pub(crate) enum Meaning {
    /// Its values are sRGB as they are.
    Srgb,
    /// Its values have to be converted.
    Conversion(Conversion),
    /// Nothing can be made of it; why.
    Useless(&'static str),
}

/// From 16-bit values of a profile to 16-bit sRGB.
pub(crate) struct Conversion(Arc<Transform16BitExecutor>);

impl Conversion {
    /// Converts a row of pixels.
    pub fn row(&self, from: &[u16], to: &mut [u16]) -> bool {
        self.0.transform(from, to).is_ok()
    }
}

/// The largest difference between values and what a profile makes of them, at which they are sRGB: one of 255 levels. The
/// profiles called sRGB differ from each other by less.
const SAME: u16 = 257;
/// Colours that a profile is asked about, along each axis.
const STEPS: u16 = 6;

/// What `profile` says about values of `space`.
pub(crate) fn meaning(profile: &[u8], space: Space) -> Meaning {
    let Ok(parsed) = ColorProfile::new_from_slice(profile) else { return Meaning::Useless("is damaged") };
    let wanted = match space {
        Space::Grey => DataColorSpace::Gray,
        Space::Rgb => DataColorSpace::Rgb,
        Space::Cmyk => DataColorSpace::Cmyk,
    };
    if parsed.color_space != wanted {
        return Meaning::Useless("is of another kind of picture");
    }
    let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
    let made = parsed.create_transform_16bit(space.layout(), &ColorProfile::new_srgb(), Layout::Rgb, options);
    let Ok(transform) = made else { return Meaning::Useless("cannot be used") };
    let conversion = Conversion(transform);
    let asked: Vec<u16> = match space {
        Space::Cmyk => return Meaning::Conversion(conversion),
        Space::Grey => (0..=255).map(|level| level * 257).collect(),
        Space::Rgb => (0..STEPS.pow(3))
            .flat_map(|at| [at / (STEPS * STEPS), at / STEPS % STEPS, at % STEPS])
            .map(|step| step * (u16::MAX / (STEPS - 1)))
            .collect(),
    };
    let mut found = vec![0; asked.len() / space.channels() * 3];
    if !conversion.row(&asked, &mut found) {
        return Meaning::Useless("cannot be used");
    }
    let expected = asked.iter().flat_map(|value| std::iter::repeat_n(value, 3 / space.channels()));
    match expected.zip(&found).all(|(value, found)| value.abs_diff(*found) <= SAME) {
        true => Meaning::Srgb,
        false => Meaning::Conversion(conversion),
    }
}
