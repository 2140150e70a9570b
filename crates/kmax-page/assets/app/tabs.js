// Two views in tabs, by the pattern that screen readers know: arrows move between them.

/** @param changed called with the index of the tab that is chosen */
export function tabs(buttons, panels, changed) {
  const choose = (index) => {
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === index));
      button.tabIndex = at === index ? 0 : -1;
      panels[at].hidden = at !== index;
    });
    changed(index);
  };
  buttons.forEach((button, index) => {
    button.addEventListener("click", () => choose(index));
    button.addEventListener("keydown", ({ key }) => {
      const way = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!way) return;
      const next = (index + way + buttons.length) % buttons.length;
      buttons[next].focus();
      choose(next);
    });
  });
  return choose;
}
