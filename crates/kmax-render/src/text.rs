//! Writing on a picture.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use image::RgbImage;

/// DejaVu Sans Condensed Bold, from the crate `dejavu`: free to embed (Bitstream Vera's licence).
fn font() -> Option<FontRef<'static>> {
    FontRef::try_from_slice(dejavu::sans_condensed::bold()).ok()
}

/// A word as coverage, 0 to 1, with a margin for its halo.
pub struct Word {
    pub width: usize,
    pub height: usize,
    ink: Vec<f32>,
    halo: Vec<f32>,
}

/// Width over height of a word, halo included; of no word if there is no font.
pub fn aspect(text: &str) -> Option<f32> {
    let font = font()?;
    let scaled = font.as_scaled(PxScale::from(100.0));
    let width: f32 = text.chars().map(|c| scaled.h_advance(font.glyph_id(c))).sum();
    Some((width + 20.0) / (100.0 + 20.0))
}

impl Word {
    /// Draws `text` with letters of about `size` pixels from top to bottom.
    pub fn new(text: &str, size: f32) -> Option<Self> {
        let font = font()?;
        let scaled = font.as_scaled(PxScale::from(size));
        let reach = (size * 0.1).clamp(1.0, 8.0);
        let margin = reach.ceil();
        let (mut glyphs, mut x): (Vec<Glyph>, f32) = (Vec::new(), margin);
        let mut last = None;
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            x += last.map_or(0.0, |last| scaled.kern(last, id));
            glyphs.push(id.with_scale_and_position(size, point(x, margin + scaled.ascent())));
            x += scaled.h_advance(id);
            last = Some(id);
        }
        let width = (x + margin).ceil() as usize;
        let height = (scaled.height() + 2.0 * margin).ceil() as usize;
        let mut ink = vec![0f32; width * height];
        for outline in glyphs.into_iter().filter_map(|glyph| font.outline_glyph(glyph)) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, cover| {
                let (x, y) = (x as i64 + corner.x as i64, y as i64 + corner.y as i64);
                if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y))
                    && x < width
                    && y < height
                {
                    let ink = &mut ink[y * width + x];
                    *ink = ink.max(cover);
                }
            });
        }
        let halo = spread(&ink, width, height, reach);
        Some(Self { width, height, ink, halo })
    }

    /// Puts the word on a picture, white in a dark halo, its upper left corner at (`left`, `top`).
    pub fn draw(&self, picture: &mut RgbImage, left: i64, top: i64) {
        for y in 0..self.height {
            for x in 0..self.width {
                let place = (u32::try_from(left + x as i64), u32::try_from(top + y as i64));
                let (Ok(px), Ok(py)) = place else { continue };
                let Some(pixel) = picture.get_pixel_mut_checked(px, py) else { continue };
                let (ink, halo) = (self.ink[y * self.width + x], self.halo[y * self.width + x]);
                pixel.0 = pixel.0.map(|value| {
                    let dark = f32::from(value) * (1.0 - 0.85 * halo) + 16.0 * 0.85 * halo;
                    (dark * (1.0 - ink) + 255.0 * ink).round() as u8
                });
            }
        }
    }
}

/// The largest coverage within `reach`, fading over the last pixel.
fn spread(ink: &[f32], width: usize, height: usize, reach: f32) -> Vec<f32> {
    let r = reach.ceil() as i64;
    let around = (-r..=r).flat_map(|dy| (-r..=r).map(move |dx| (dx, dy)));
    let stamp: Vec<(i64, i64, f32)> = around
        .map(|(dx, dy)| (dx, dy, (reach + 0.5 - ((dx * dx + dy * dy) as f32).sqrt()).clamp(0.0, 1.0)))
        .filter(|(_, _, weight)| *weight > 0.0)
        .collect();
    let mut out = vec![0f32; ink.len()];
    for (at, &cover) in ink.iter().enumerate().filter(|(_, cover)| **cover > 0.0) {
        for (dx, dy, weight) in &stamp {
            let (x, y) = ((at % width) as i64 + dx, (at / width) as i64 + dy);
            if (0..width as i64).contains(&x) && (0..height as i64).contains(&y) {
                let out = &mut out[y as usize * width + x as usize];
                *out = out.max(cover * weight);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_as_wide_as_said_and_has_ink_in_a_halo() {
        let word = Word::new("trousers", 40.0).expect("a font");
        let said = aspect("trousers").expect("a font");
        let found = word.width as f32 / word.height as f32;
        assert!((said / found - 1.0).abs() < 0.15, "{said} {found}");
        assert!(word.ink.iter().any(|&ink| ink > 0.95));
        assert!(word.ink.iter().zip(&word.halo).all(|(ink, halo)| halo >= ink));
        assert!(word.halo.iter().sum::<f32>() > 1.3 * word.ink.iter().sum::<f32>());
        // Half outside, and letters that the font lacks.
        let mut picture = RgbImage::new(20, 20);
        word.draw(&mut picture, -10, 15);
        Word::new("\u{10ffff}", 12.0).expect("a font").draw(&mut picture, 0, 0);
    }
}
