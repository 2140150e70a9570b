// The panel beside the photo: two views of the pane that it belongs to, and the settings of all.

import { ClustersPanel } from "./clusters-panel.js";
import { el, find } from "./dom.js";
import { downloads, saveCutout } from "./downloads.js";
import { SegmentsPanel } from "./segments-panel.js";
import { looks, thresholds } from "./settings.js";
import { Stepper } from "./stepper.js";
import { tabs } from "./tabs.js";
import { failed } from "./told.js";

const MODES = ["segments", "clusters"];

export class Panel {
  /** @param page see `page.js`; `draw()` draws all of its panes */
  constructor(page) {
    this.page = page;
    this.segments = new SegmentsPanel();
    this.segments.addEventListener("formed", ({ detail }) => this.#formed(detail));
    this.segments.addEventListener("cutout", ({ detail }) => saveCutout(this.pane, detail).catch(failed));
    this.clusters = new ClustersPanel(page.look, () => page.draw(), failed);
    this.stepper = new Stepper(find("stepper"));
    this.thresholds = el("div", { class: "settings" });
    this.downloads = el("div", { class: "downloads", role: "group", "aria-label": "Downloads" });
    find("panel-segments").append(
      this.segments.element, looks(page.look, () => page.draw()),
      el("details", { class: "fold" }, el("summary", { text: "Thresholds" }), this.thresholds),
      el("section", { class: "settings" }, el("h2", { text: "Take it along" }), this.downloads));
    find("panel-clusters").append(this.clusters.element);
    this.leave();
    this.choose = tabs(MODES.map((mode) => find(`tab-${mode}`)), MODES.map((mode) => find(`panel-${mode}`)), (index) => this.#mode(MODES[index]));
  }

  /** Belongs to nobody, until there is a result. */
  leave() {
    this.pane = null;
    find("panel").inert = true;
  }

  /** Belongs to that pane from now on. */
  show(pane) {
    this.pane = pane;
    find("panel").inert = false;
    this.thresholds.replaceChildren(...thresholds(pane));
    this.downloads.replaceChildren(...downloads(pane, failed));
    this.segments.show(pane);
    if (this.page.look.mode === "clusters") this.#explain();
  }

  /** Follows what a pane tells. */
  listen(pane) {
    const mine = (action) => (event) => pane === this.pane && action(event);
    pane.addEventListener("result", mine(() => this.#result()));
    pane.addEventListener("select", mine(() => this.segments.select()));
    pane.addEventListener("step", mine(() => this.#step()));
    pane.addEventListener("query", mine(() => this.clusters.mark()));
    pane.addEventListener("pixel", ({ detail }) => this.clusters.pixel(pane, detail).catch(failed));
  }

  #result() {
    this.segments.show(this.pane);
    if (this.page.look.mode === "clusters") this.#explain();
  }

  #step() {
    this.stepper.update();
    this.clusters.show(this.pane);
    this.page.together((other) => other !== this.pane && other.result && other.clusters.explain().then(() => other.clusters.showStep(this.pane.clusters.step)).catch(failed));
  }

  #mode(mode) {
    this.page.look.mode = mode;
    find("stepper").hidden = mode !== "clusters";
    this.stepper.stop();
    if (mode === "clusters" && this.pane) this.#explain();
    this.page.draw();
  }

  #explain() {
    const { pane } = this;
    this.stepper.show(pane).then(() => this.clusters.show(pane)).catch(failed);
  }

  /** From a segment to the query that it was. */
  #formed({ query }) {
    this.pane.clusters.showQuery(query);
    this.pane.clusters.step = 1;
    this.choose(MODES.indexOf("clusters"));
  }
}
