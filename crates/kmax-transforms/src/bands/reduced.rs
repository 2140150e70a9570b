//! A smaller picture of an image that is never there as a whole.

use image::RgbImage;

/// Sums rows into a picture of means over squares.
#[derive(Debug)]
pub(super) struct Reduced {
    step: usize,
    width: usize,
    height: usize,
    /// Sums of the squares of the row that is being made, and how many rows they have.
    sums: Vec<[u32; 3]>,
    rows: usize,
    made: Vec<u8>,
}

impl Reduced {
    /// Of an image of that size, at most `longest` pixels wide and high.
    pub fn new(width: u32, height: u32, longest: u32) -> Self {
        let step = width.max(height).div_ceil(longest.max(1)).max(1) as usize;
        let (width, height) = (width as usize, height as usize);
        Self { step, width, height, sums: vec![[0; 3]; width.div_ceil(step)], rows: 0, made: Vec::new() }
    }

    /// How many pixels of the image one of the picture is wide and high.
    pub fn step(&self) -> u32 {
        self.step as u32
    }

    /// The next rows.
    pub fn add(&mut self, band: &RgbImage) {
        if self.step == 1 {
            self.made.extend_from_slice(band.as_raw());
            return;
        }
        for row in band.as_raw().chunks_exact(3 * self.width.max(1)) {
            for (sum, square) in self.sums.iter_mut().zip(row.chunks(3 * self.step)) {
                for pixel in square.as_chunks::<3>().0 {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
            self.rows += 1;
            if self.rows == self.step {
                self.finish_row();
            }
        }
    }

    fn finish_row(&mut self) {
        for (x, sum) in self.sums.iter_mut().enumerate() {
            let columns = self.step.min(self.width - x * self.step);
            let pixels = (columns * self.rows) as u32;
            self.made.extend(sum.map(|sum| ((sum + pixels / 2) / pixels) as u8));
            *sum = [0; 3];
        }
        self.rows = 0;
    }

    /// The picture; black where rows were not read.
    pub fn picture(mut self) -> RgbImage {
        if self.rows > 0 {
            self.finish_row();
        }
        let (width, height) = (self.width.div_ceil(self.step), self.height.div_ceil(self.step));
        self.made.resize(3 * width * height, 0);
        RgbImage::from_raw(width as u32, height as u32, self.made).unwrap_or_default()
    }
}
