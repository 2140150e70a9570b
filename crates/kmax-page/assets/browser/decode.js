// From an image file to its pixels, upright, as 8-bit sRGB.

/** @param file a Blob @returns `data` of 4 bytes a pixel, `width`, `height` */
export async function decode(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false, willReadFrequently: true });
  if (!context) throw new Error(`This photo of ${width} × ${height} pixels is too large for this browser.`);
  // White shows through what is transparent, as in the program.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { data: context.getImageData(0, 0, width, height).data, width, height };
}
