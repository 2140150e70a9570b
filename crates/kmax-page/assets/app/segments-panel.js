// The list of what was found: things and stuff, classes on and off, and what is known of a segment.

import { css } from "./colours.js";
import { el, swatch } from "./dom.js";
import { count, percent } from "./format.js";

export class SegmentsPanel extends EventTarget {
  constructor() {
    super();
    this.list = el("div", { class: "found" });
    this.card = el("div", { class: "card segment-card", hidden: true });
    this.element = el("div", {}, this.list, this.card);
  }

  /** Shows the result of a pane. */
  show(pane) {
    this.pane = pane;
    this.rows = new Map();
    this.updates = [];
    const { segments } = pane.result;
    const named = segments.reduce((sum, { share }) => sum + share, 0);
    const groups = [["Things", true], ["Stuff", false]].map(([title, things]) => this.#group(title, segments.filter(({ isthing }) => Boolean(isthing) === things)));
    const rest = el("p", { class: "note", text: segments.length ? `Without a name: ${percent(Math.max(1 - named, 0))} of the photo` : "Nothing was found. Lower thresholds may show something." });
    this.list.replaceChildren(...groups.filter(Boolean), rest);
    this.select();
  }

  #group(title, segments) {
    if (!segments.length) return null;
    const ordered = [...grouped(segments).values()].sort((a, b) => area(b) - area(a));
    const ids = ordered.map(([{ category_id }]) => category_id);
    const all = el("input", { type: "checkbox", onchange: () => this.#toggle(ids, all.checked) });
    const boxes = new Map();
    const items = ordered.flatMap((segments) => this.#rows(segments, boxes));
    this.#keep(all, ids, boxes);
    return el("section", { class: "group" },
      el("h2", {}, el("label", { class: "check" }, all, title), el("span", { class: "columns", "aria-hidden": "true" }, el("span", { text: "score" }), el("span", { text: "share" }))),
      el("ul", { class: "rows" }, items));
  }

  /** Keeps the box of a group in step with those of its classes. */
  #keep(all, ids, boxes) {
    const update = () => {
      const off = ids.filter((id) => this.pane.hidden.has(id)).length;
      all.checked = off < ids.length;
      all.indeterminate = off > 0 && off < ids.length;
      for (const [id, box] of boxes) box.checked = !this.pane.hidden.has(id);
    };
    this.updates.push(update);
    update();
  }

  #toggle(ids, on) {
    ids.forEach((id) => (on ? this.pane.hidden.delete(id) : this.pane.hidden.add(id)));
    this.updates.forEach((update) => update());
    this.pane.showClasses();
  }

  #rows(segments, boxes) {
    const [{ category_id, name }] = segments;
    const box = el("input", { type: "checkbox", "aria-label": `Show ${name}`, onchange: () => this.#toggle([category_id], box.checked) });
    boxes.set(category_id, box);
    return segments.sort((a, b) => b.area - a.area).map((segment, index) => {
      const title = segments.length > 1 ? `${name} ${index + 1}` : name;
      return el("li", { class: "row" }, index === 0 ? box : el("span", { class: "no-box" }), this.#segment(segment, title));
    });
  }

  #segment(segment, title) {
    const bar = el("span", { class: "share-bar", "aria-hidden": "true" });
    bar.style.width = `${Math.max(100 * segment.share, 0.5)}%`;
    bar.style.background = css(this.pane.layer.colours.get(segment.id));
    const button = el("button", {
      type: "button", class: "segment", "aria-pressed": "false", data: { id: segment.id },
      onclick: () => this.pane.select(this.pane.selected === segment.id ? null : segment.id),
      onpointerenter: () => this.pane.hover(segment.id), onpointerleave: () => this.pane.hover(null),
      onfocus: () => this.pane.hover(segment.id), onblur: () => this.pane.hover(null),
    },
    swatch(css(this.pane.layer.colours.get(segment.id))), el("span", { class: "name", text: title }),
    el("span", { class: "number" }, el("span", { class: "visually-hidden", text: "score " }), percent(segment.score ?? 0)),
    el("span", { class: "number" }, el("span", { class: "visually-hidden", text: "share " }), percent(segment.share)), bar);
    this.rows.set(segment.id, button);
    return button;
  }

  /** Marks the segment that is selected, and tells what is known of it. */
  select() {
    const { selected, result, layer } = this.pane;
    for (const [id, row] of this.rows) row.setAttribute("aria-pressed", String(id === selected));
    const segment = result.segments.find(({ id }) => id === selected);
    this.card.hidden = !segment;
    if (!segment) return;
    this.rows.get(selected)?.scrollIntoView({ block: "nearest" });
    const [x, y, across, down] = segment.bbox;
    const facts = [
      ["Score", percent(segment.score ?? 0)], ["Share", percent(segment.share)], ["Pixels", count(segment.area)],
      ["Box", `${across} × ${down} at ${x}, ${y}`], ["Query", String(segment.query)],
    ];
    const tell = (kind) => () => this.dispatchEvent(new CustomEvent(kind, { detail: segment }));
    this.card.replaceChildren(
      el("h2", {}, swatch(css(layer.colours.get(segment.id))), segment.name, el("span", { class: "chip", text: segment.isthing ? "thing" : "stuff" })),
      el("dl", { class: "facts-list" }, facts.map(([term, value]) => el("div", {}, el("dt", { text: term }), el("dd", { text: value })))),
      el("div", { class: "card-actions" },
        el("button", { type: "button", class: "button small", text: "How it formed", onclick: tell("formed") }),
        el("button", { type: "button", class: "button small", text: "Save cut-out", onclick: tell("cutout") })));
  }
}

const area = (segments) => segments.reduce((sum, segment) => sum + segment.area, 0);

function grouped(segments) {
  const groups = new Map();
  for (const segment of segments) groups.set(segment.category_id, [...(groups.get(segment.category_id) ?? []), segment]);
  return groups;
}
