// Work that follows a moving setting: one run at a time, and of those that wait only the last.

/** @returns a function that asks for a run of `work` with its arguments; `failed` gets what goes wrong */
export function latest(work, failed) {
  let running = false;
  let waiting = null;
  return async function ask(...parameters) {
    if (running) {
      waiting = parameters;
      return;
    }
    running = true;
    try {
      await work(...parameters);
    } catch (error) {
      failed(error);
    }
    running = false;
    if (waiting) {
      const next = waiting;
      waiting = null;
      ask(...next);
    }
  };
}
