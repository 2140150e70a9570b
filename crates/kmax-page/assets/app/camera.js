// Taking a photo: phones have an application for it, elsewhere the page shows what the camera sees.

import { el } from "./dom.js";

export async function camera(open, failed) {
  if (matchMedia("(pointer: coarse)").matches) {
    const input = el("input", { type: "file", accept: "image/*", capture: "environment" });
    input.addEventListener("change", () => input.files[0] && open(input.files[0], "photo.jpg"));
    return input.click();
  }
  if (!navigator.mediaDevices) return failed(new Error("This browser gives pages no camera."));
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
  } catch {
    return failed(new Error("There is no camera, or the page may not use it."));
  }
  show(stream, open);
}

function show(stream, open) {
  const video = el("video", { autoplay: true, playsinline: true, "aria-label": "What the camera sees" });
  video.muted = true;
  video.srcObject = stream;
  const take = () => {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d").drawImage(video, 0, 0);
    dialog.close();
    canvas.convertToBlob({ type: "image/png" }).then((blob) => open(blob, "photo.png"));
  };
  const shutter = el("button", { type: "button", class: "button primary", text: "Take the photo", disabled: true, onclick: take });
  video.addEventListener("loadeddata", () => (shutter.disabled = false));
  const dialog = el("dialog", { class: "camera", "aria-label": "Take a photo" }, video,
    el("div", { class: "card-actions" }, shutter, el("button", { type: "button", class: "button", text: "Cancel", onclick: () => dialog.close() })));
  dialog.addEventListener("close", () => {
    stream.getTracks().forEach((track) => track.stop());
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}
