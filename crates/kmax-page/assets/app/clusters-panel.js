// The clusters beside the photo: which queries hold pixels, what one of them became, and what is near a pixel.

import { css } from "./colours.js";
import { el, swatch } from "./dom.js";
import { count, percent } from "./format.js";
import { slider } from "./slider.js";

export class ClustersPanel {
  constructor(look, changed, failed) {
    this.failed = failed;
    this.pixelCard = el("section", { class: "card", hidden: true, "aria-label": "Pixel" });
    this.queryCard = el("section", { class: "card", hidden: true, "aria-label": "Query" });
    this.list = el("ul", { class: "rows queries" });
    this.title = el("h2", { class: "list-title" });
    this.element = el("div", {},
      el("p", { class: "note", text: "Each query is a cluster center, with one colour in all steps. Every pixel goes to its nearest center; the centers move to their pixels; and so on, on finer maps. Click the photo, or a query." }),
      slider({
        label: "Opacity", min: 0, max: 1, step: 0.01, value: look.clusterOpacity, told: (value) => `${Math.round(100 * value)} %`,
        changed: (value) => changed((look.clusterOpacity = value)),
      }),
      this.pixelCard, this.queryCard, this.title, this.list);
  }

  /** Shows the queries of a pane at its step. */
  show(pane) {
    if (!pane.clusters.told) return;
    const other = this.pane !== pane;
    this.pane = pane;
    if (other) {
      this.pixelCard.hidden = this.pixelOf !== pane;
      this.buttons = new Map();
      this.list.replaceChildren();
    }
    const { step, told: { steps, queries } } = pane.clusters;
    const { result } = pane;
    const areas = new Map();
    for (const { query, area } of result.segments) areas.set(query, area);
    const pixels = (one) => (step > steps.length ? areas.get(one.query) ?? 0 : one.pixels[step - 1]);
    const whole = step > steps.length ? result.width * result.height : steps[step - 1].width * steps[step - 1].height;
    const holding = queries.filter((one) => pixels(one) > 0).sort((a, b) => pixels(b) - pixels(a));
    this.title.textContent = step > steps.length ? "Queries that became segments" : `Queries that hold pixels in step ${step}`;
    this.#list(holding, (one) => pixels(one) / whole);
    this.mark();
  }

  /** Rows are kept as long as they stay, and so is the focus. */
  #list(queries, share) {
    const rows = queries.map((one) => {
      if (!this.buttons.has(one.query)) this.buttons.set(one.query, this.#row(one));
      const { item, number } = this.buttons.get(one.query);
      number.textContent = percent(share(one));
      return item;
    });
    const focused = document.activeElement;
    this.list.replaceChildren(...rows);
    if (this.list.contains(focused)) focused.focus();
  }

  #row(one) {
    const { clusters } = this.pane;
    const number = el("span", { class: "number" });
    const button = el("button", {
      type: "button", class: "segment", "aria-pressed": "false",
      onclick: () => clusters.showQuery(clusters.query === one.query ? null : one.query),
      onpointerenter: () => clusters.hover(one.query), onpointerleave: () => clusters.hover(null),
    }, swatch(css(clusters.colour(one.query))), el("span", { class: "name" }, clusters.name(one.query), el("span", { class: "soft", text: ` #${one.query}` })), this.#history(one), number);
    return { item: el("li", { class: "row" }, button), button, number };
  }

  /** Its share of each step's map, as bars. */
  #history({ query, pixels }) {
    const { clusters } = this.pane;
    const shares = pixels.map((pixels, index) => {
      const { width, height } = clusters.told.steps[index];
      return pixels / (width * height);
    });
    const most = Math.max(...shares, 0.001);
    return el("span", { class: "history", "aria-hidden": "true" }, shares.map((share) => {
      const bar = el("span", {});
      bar.style.height = `${share ? Math.max(14 * (share / most), 2) : 0.5}px`;
      bar.style.background = css(clusters.colour(query));
      return bar;
    }));
  }

  /** Marks the query that stands out, and tells what is known of it. */
  async mark() {
    const { pane } = this;
    const { query } = pane.clusters;
    for (const [number, { button }] of this.buttons ?? []) button.setAttribute("aria-pressed", String(number === query));
    this.queryCard.hidden = query === null;
    if (query === null || this.shown?.pane === pane && this.shown.query === query) return this.#mask();
    this.shown = { pane, query };
    try {
      const told = await pane.page.backend.query(pane.prediction, query);
      if (pane.clusters.query === query && this.pane === pane) this.#query(told);
    } catch (error) {
      this.failed(error);
    }
  }

  #query({ query, classes, history }) {
    const { clusters } = this.pane;
    this.maskButton = el("button", { type: "button", class: "button small", onclick: () => clusters.showQuery(query, clusters.mask === null)?.catch(this.failed) });
    this.queryCard.replaceChildren(
      el("h2", {}, swatch(css(clusters.colour(query))), `Query ${query}`,
        el("span", { class: "spacer" }), this.maskButton,
        el("button", { type: "button", class: "close", "aria-label": "Close", text: "×", onclick: () => clusters.showQuery(null) })),
      el("h3", { text: "What it is" }), bars(classes.map(({ name, probability }) => [name, probability]), css(clusters.colour(query))),
      el("h3", { text: "How it got there" }),
      el("table", { class: "steps" },
        el("thead", {}, el("tr", {}, ["Step", "Stride", "Pixels", "Share", "Taken for"].map((text, index) => el("th", { scope: "col", class: index && index < 4 ? "number" : null, text })))),
        el("tbody", {}, history.map((row) => el("tr", {},
          el("td", { text: row.step }), el("td", { class: "number", text: row.stride }), el("td", { class: "number", text: count(row.pixels) }),
          el("td", { class: "number", text: percent(row.share) }), el("td", {}, row.name, el("span", { class: "soft", text: ` ${percent(row.probability)}` })))))));
    this.#mask();
  }

  #mask() {
    if (!this.maskButton) return;
    const shown = this.pane.clusters.mask !== null;
    this.maskButton.textContent = shown ? "Hide mask" : "Show mask";
    this.maskButton.setAttribute("aria-pressed", String(shown));
  }

  /** Tells the centers that are nearest to a pixel. */
  async pixel(pane, { x, y }) {
    const { clusters } = pane;
    const told = await pane.page.backend.pixel(pane.prediction, x, y);
    const chip = ({ query, probability }) => el("span", { class: "near", title: `Query ${query}: ${percent(probability)}` }, swatch(css(clusters.colour(query))), `#${query}`, el("span", { class: "soft", text: `${Math.round(100 * probability)} %` }));
    this.pixelOf = pane;
    this.pixelCard.hidden = false;
    this.pixelCard.replaceChildren(
      el("h2", {}, `Pixel ${x}, ${y}`, el("span", { class: "spacer" }),
        el("button", {
          type: "button", class: "close", "aria-label": "Close", text: "×",
          onclick: () => {
            this.pixelCard.hidden = true;
            clusters.pixel = null;
            pane.draw();
          },
        })),
      el("h3", { text: "Nearest centers in the end" }),
      bars(told.nearest.map(({ query, name, probability }) => [`${name} #${query}`, probability, css(clusters.colour(query))])),
      el("h3", { text: "Nearest in each step" }),
      el("ol", { class: "near-steps" }, told.steps.map(({ step, name, nearest }) => el("li", {},
        el("span", { class: "soft", text: `${step}` }), el("span", { text: name }), el("span", { class: "nears" }, nearest.map(chip))))));
  }
}

/** Probabilities as bars. */
function bars(rows, colour) {
  return el("ul", { class: "bars" }, rows.map(([name, probability, own]) => {
    const bar = el("span", { class: "bar-fill" });
    bar.style.width = `${100 * probability}%`;
    bar.style.background = own ?? colour;
    return el("li", {}, el("span", { class: "name", text: name }), el("span", { class: "bar-track", "aria-hidden": "true" }, bar), el("span", { class: "number", text: percent(probability) }));
  }));
}
