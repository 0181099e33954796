"use strict";
(() => {
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const sections = [...document.querySelectorAll("details.section")];
  const pictures = document.getElementById("pictures");
  const kinds = [...document.querySelectorAll("input[name=kind]")];
  // The rows of each section with what they are searched by, read when it is first needed.
  let known = null;
  const rows = () => known ??= sections.map((section) => ({
    section,
    wasOpen: null,
    rows: [...section.querySelectorAll("[data-row]")].map((row) => ({
      row, kind: row.dataset.row, text: row.textContent.toLowerCase(),
    })),
  }));
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const off = new Set(kinds.filter((kind) => !kind.checked).map((kind) => kind.value));
    const filtering = words.length > 0 || off.size > 0;
    // What was looked for is seen at once.
    if (pictures) pictures.hidden = words.length > 0;
    let found = 0, all = 0;
    for (const part of rows()) {
      let here = 0;
      for (const { row, kind, text } of part.rows) {
        const fits = !off.has(kind) && words.every((word) => text.includes(word));
        if (row.hidden === fits) row.hidden = !fits;
        if (fits) here += 1;
      }
      all += part.rows.length;
      found += here;
      part.section.hidden = filtering && here === 0;
      if (filtering && words.length > 0) {
        part.wasOpen ??= part.section.open;
        // Ten thousand open rows would take long to lay out.
        part.section.open = found <= 500 || part.wasOpen;
      } else if (part.wasOpen !== null) {
        part.section.open = part.wasOpen;
        part.wasOpen = null;
      }
    }
    shown.textContent = filtering ? `${found} of ${all} rows` : "";
  };
  let waiting = 0;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(apply, 60); };
  const openAll = (open) => { for (const section of sections) section.open = open; };
  if (filter) {
    filter.addEventListener("input", later);
    for (const kind of kinds) kind.addEventListener("change", apply);
    document.getElementById("expand").addEventListener("click", () => openAll(true));
    document.getElementById("collapse").addEventListener("click", () => openAll(false));
    document.getElementById("controls").hidden = false;
  }
  const tabs = [...document.querySelectorAll("[data-tab]")];
  const panels = [...document.querySelectorAll("[data-panel]")];
  const show = (name) => {
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    for (const panel of panels) panel.classList.toggle("away", name !== "both" && panel.dataset.panel !== name);
  };
  for (const tab of tabs) tab.addEventListener("click", () => show(tab.dataset.tab));
  if (tabs.length > 0) { show("after"); tabs[0].parentElement.hidden = false; }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && filter && document.activeElement === filter) {
      filter.value = ""; apply(); filter.blur();
    } else if (event.target instanceof HTMLInputElement) {
      return;
    } else if (event.key === "/" && filter) {
      event.preventDefault(); filter.focus(); filter.select();
    } else if (event.key === "e") {
      openAll(true);
    } else if (event.key === "c") {
      openAll(false);
    } else if (event.key === "j" || event.key === "k") {
      const heads = sections.filter((section) => !section.hidden).map((section) => section.firstElementChild);
      const at = heads.indexOf(document.activeElement);
      const to = heads[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
      if (to) to.focus();
    }
  });
  // What is folded would be missing on paper.
  addEventListener("beforeprint", () => {
    if (document.querySelectorAll("[data-row]").length <= 2000) openAll(true);
  });
  document.documentElement.dataset.ready = "true";
})();
