// Who does the work: the page's host says it in `config.json`.

import { BrowserBackend } from "./backend-browser.js";
import { ServerBackend } from "./backend-server.js";

export async function backend() {
  const answer = await fetch(new URL("../config.json", import.meta.url), { cache: "no-cache" });
  if (!answer.ok) throw new Error(`config.json cannot be had: the host answers ${answer.status}.`);
  const config = await answer.json();
  return config.backend === "server" ? new ServerBackend() : new BrowserBackend(config);
}
