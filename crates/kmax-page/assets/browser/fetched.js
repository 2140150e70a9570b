// Files of the page's own folder, with progress.

/**
 * @param progress called with the bytes that have come since the last call
 * @returns {Promise<Uint8Array>}
 */
export async function fetched(url, progress) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${new URL(url).pathname} cannot be had: the host answers ${answer.status}.`);
  const parts = [];
  let length = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    progress(value.length);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
