// What the page can do beside being read: search and sort tables, copy code, change the theme. It is readable without.
"use strict";
(() => {
  const root = document.documentElement;
  const said = document.getElementById("said");
  const make = (name, attributes, text) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text; // text, never markup
    return made;
  };

  // ---------------------------------------------------------------- theme

  const kept = {
    get() { try { return localStorage.getItem("nwbin-theme"); } catch { return null; } },
    set(value) { try { localStorage.setItem("nwbin-theme", value); } catch { /* not allowed here: for this page only */ } },
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const toggle = make("button", { type: "button" });
  const name = () => { toggle.textContent = isDark() ? "Light theme" : "Dark theme"; };
  if (["light", "dark"].includes(kept.get())) root.dataset.theme = kept.get();
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept.set(root.dataset.theme);
    name();
  });
  dark.addEventListener("change", name);
  document.getElementById("theme").append(toggle);
  name();

  // ---------------------------------------------------------------- tables

  const number = (text) => {
    const value = Number.parseFloat(text.replace("∞", "Infinity"));
    return Number.isNaN(value) ? null : value;
  };
  const words = new Intl.Collator("en", { numeric: true });

  const sortable = (table, announce) => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        const numeric = head.classList.contains("number");
        const rows = [...body.rows].map((row) => {
          const text = row.cells[column].textContent;
          return { row, text, value: numeric ? number(text) : text === "–" ? null : text };
        });
        const sign = descending ? -1 : 1;
        rows.sort((a, b) => {
          if (a.value === null || b.value === null) return (a.value === null) - (b.value === null); // last, either way
          return sign * (numeric ? (a.value > b.value) - (a.value < b.value) : words.compare(a.text, b.text));
        });
        body.append(...rows.map((one) => one.row));
        for (const other of heads) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        announce(`Sorted by ${button.textContent}, ${descending ? "descending" : "ascending"}.`);
      });
    });
  };

  const searchable = (box, table, announce) => {
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: [...row.cells].map((c) => c.textContent).join(" ").toLowerCase() }));
    const tools = make("div", { class: "tools", role: "search", "aria-label": `Search the ${box.dataset.searched}` });
    const label = make("label", {}, "Search ");
    const field = make("input", { type: "search", "aria-controls": table.id, autocomplete: "off", spellcheck: "false" });
    const shown = make("p", { class: "shown", "aria-live": "polite", role: "status" });
    label.append(field);
    tools.append(label);
    let only = null;
    if (box.dataset.choice) {
      only = make("input", { type: "checkbox", "aria-controls": table.id });
      const choice = make("label", {});
      choice.append(only, ` only those that pass`);
      tools.append(choice);
    }
    tools.append(shown);
    box.prepend(tools);
    const update = () => {
      const asked = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const { row, text } of rows) {
        const passes = !only?.checked || row.cells[1].textContent === box.dataset.choice;
        row.hidden = !(passes && asked.every((one) => text.includes(one)));
        count += !row.hidden;
      }
      shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ${box.dataset.searched} shown`;
    };
    let waiting = 0;
    field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 60); });
    only?.addEventListener("change", update);
    update();
  };

  const announce = (text) => { said.textContent = text; };
  for (const box of document.querySelectorAll("[data-searched]")) {
    const table = box.querySelector("table");
    sortable(table, announce);
    searchable(box, table, announce);
  }

  // ---------------------------------------------------------------- code

  for (const box of document.querySelectorAll(".code")) {
    const code = box.querySelector("code");
    const button = make("button", { type: "button", "aria-label": "Copy this code" }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        announce("Copied.");
        button.textContent = "Copied";
      } catch { // not allowed here: marked, to be copied by hand
        getSelection().selectAllChildren(code);
        announce("Marked, to be copied.");
        button.textContent = "Marked";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    box.append(button);
  }
})();
