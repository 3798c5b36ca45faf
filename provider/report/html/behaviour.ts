/**
 * The page's only script: search, filter and folds. Everything can be read without it, so what it needs is hidden until it runs. It writes no
 * markup.
 */
export const behaviour = `
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const tools = byId("tools"), search = byId("search"), filter = byId("filter"), found = byId("found");
  const elements = [...document.querySelectorAll("[data-item]")];
  const items = new Map();
  for (const element of elements) {
    const item = items.get(element.dataset.item) ?? { elements: [], bad: false, text: null };
    item.elements.push(element);
    item.bad ||= element.hasAttribute("data-bad");
    items.set(element.dataset.item, item);
  }
  const textOf = (item) => (item.text ??= item.elements.map((element) => element.textContent).join(" ").toLowerCase());
  const apply = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter((word) => word !== "");
    let shown = 0;
    for (const item of items.values()) {
      const fits = (filter.value !== "bad" || item.bad) && words.every((word) => textOf(item).includes(word));
      for (const element of item.elements) element.hidden = !fits;
      if (fits) shown++;
    }
    found.textContent = shown + " of " + items.size + " shown";
  };
  const foldAll = (open) => {
    for (const fold of document.querySelectorAll("details")) if (!fold.hidden) fold.open = open;
  };
  search.addEventListener("input", apply);
  filter.addEventListener("change", apply);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    search.value = "";
    apply();
  });
  byId("expand").addEventListener("click", () => foldAll(true));
  byId("collapse").addEventListener("click", () => foldAll(false));
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName ?? "");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
  });
  const openTarget = () => {
    const target = location.hash.length > 1 ? byId(decodeURIComponent(location.hash.slice(1))) : null;
    if (target?.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  tools.hidden = false;
  apply();
})();
`;
