// A photo: its file, and pictures of it to be drawn.

/** A larger photo is drawn from a smaller copy as long as it is shown small. */
const LARGE = 3000;
const COPY = 1600;

export class Photo {
  /** @param file a Blob, with a name if it is a File */
  static async open(file, name = file.name ?? "photo.png") {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
      throw new Error(`${name} cannot be shown: this browser does not read it as a picture.`);
    });
    const { width, height } = bitmap;
    return Object.assign(new Photo(), { file, name, bitmap, width, height, copy: copyOf(bitmap) });
  }

  /** What to draw when each pixel of the photo takes `scale` pixels of the screen. */
  at(scale) {
    return this.copy && scale < COPY / Math.max(this.width, this.height) ? this.copy : this.bitmap;
  }

  /** The name without its ending. */
  get stem() {
    return this.name.replace(/\.[^.]*$/, "") || "photo";
  }

  close() {
    this.bitmap.close();
  }
}

function copyOf(bitmap) {
  const longest = Math.max(bitmap.width, bitmap.height);
  if (longest <= LARGE) return null;
  const scale = COPY / longest;
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}
