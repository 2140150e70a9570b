// The page: a photo, one or two panes that show what models see in it, and the panel beside them.

import { backend as chosen } from "./backend.js";
import { el, find } from "./dom.js";
import { plural } from "./format.js";
import { Pane } from "./pane.js";
import { Panel } from "./panel.js";
import { Photo } from "./photo.js";
import { sources } from "./sources.js";
import { announce, failed, silence } from "./told.js";
import { View } from "./view.js";

const page = {
  look: { mode: "segments", opacity: 0.55, clusterOpacity: 0.85, outlines: true, names: true },
  panes: [],
  models: [],
  draw: () => page.panes.forEach((pane) => pane.draw()),
  together: (action) => page.panes.forEach(action),
};
const panel = new Panel(page);
const SIDES = ["Left", "Right"];

function screen(name) {
  document.body.dataset.screen = name;
  find("start").hidden = name !== "start";
  find("work").hidden = name !== "work";
  find("actions").hidden = name !== "work";
}

/** Shows a photo with the models that the last one was shown with. */
async function open(file, name) {
  silence();
  let photo;
  try {
    photo = await Photo.open(file, name);
    await ready;
  } catch (error) {
    return failed(error);
  }
  const models = page.panes.map(({ model }) => model);
  clear();
  Object.assign(page, { photo, view: new View(photo.width, photo.height) });
  screen("work");
  document.title = `${photo.name} · kmax`;
  for (const model of models.length ? models : [page.models.find((model) => model.default) ?? page.models[0]]) add(model);
}

function clear() {
  page.panes.forEach((pane) => pane.close());
  page.panes = [];
  page.photo?.close();
  panel.leave();
}

/** A pane of its own for a model, behind the others or in the place of one. */
function add(model, place = page.panes.length) {
  const pane = new Pane(page, model);
  const old = page.panes[place];
  if (old) {
    old.element.replaceWith(pane.element);
    old.close();
  } else {
    find("panes").append(pane.element);
  }
  page.panes[place] = pane;
  panel.listen(pane);
  pane.addEventListener("model", ({ detail }) => add(detail, page.panes.indexOf(pane)));
  pane.addEventListener("failed", ({ detail }) => failed(detail));
  pane.addEventListener("select", () => page.panes.length > 1 && panel.pane !== pane && side(pane));
  pane.addEventListener("result", () => announce(told(pane)));
  pane.addEventListener("opened", () => opened(pane, old));
  pane.open().catch((error) => {
    if (page.panes.includes(pane)) failed(error);
    pane.busy.hidden = true;
  });
  sides();
}

function opened(pane, old) {
  if (!page.panes.includes(pane)) return;
  if (!panel.pane || panel.pane === old) side(pane);
  else if (page.look.mode === "clusters") pane.clusters.explain().then(() => pane.clusters.showStep(panel.pane.clusters.step)).catch(failed);
}

const told = ({ result: { segments } }) => `${plural(segments.length, "segment")}: ${segments.map(({ name }) => name).join(", ")}`;

/** Makes the panel belong to a pane. */
function side(pane) {
  panel.show(pane);
  sides();
}

/** Says which side the panel belongs to, and lets it be the other. */
function sides() {
  const several = page.panes.length > 1;
  find("panes").dataset.count = page.panes.length;
  find("compare").setAttribute("aria-pressed", String(several));
  find("sides").hidden = !several;
  find("sides").replaceChildren(...(several ? page.panes : []).map((pane, index) => el("button", {
    type: "button", "aria-pressed": String(pane === panel.pane), text: page.panes[0].model === page.panes[1].model ? SIDES[index] : `${SIDES[index]}: ${pane.model.name}`,
    onclick: () => pane.result && side(pane),
  })));
}

/** A second pane, of another model where there is one, or none. */
function compare() {
  if (page.panes.length > 1) {
    const [gone] = page.panes.splice(1);
    gone.close();
    if (panel.pane === gone && page.panes[0].result) panel.show(page.panes[0]);
    return sides();
  }
  const [{ model }] = page.panes;
  add(page.models.find(({ name }) => name !== model.name) ?? model);
}

function start() {
  screen("start");
  document.title = "kmax: what is in a photo";
  find("choose").focus();
}

const ready = chosen().then(async (backend) => {
  page.backend = backend;
  page.models = await backend.models();
  if (!page.models.length) throw new Error("The host of this page has no model.");
  find("privacy").textContent = backend.isLocal
    ? "The photo stays in this browser: nothing is uploaded."
    : "The photo goes to the server of this page, which keeps it in memory for a while and nowhere else.";
});
ready.catch(failed);

sources(open, failed);
find("another").addEventListener("click", start);
find("compare").addEventListener("click", compare);
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  silence();
  for (const pane of page.panes) {
    if (pane.selected !== null) pane.select(null);
    if (pane.clusters.query !== null) pane.clusters.showQuery(null);
  }
});
