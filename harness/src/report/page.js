"use strict";
// Sorting and filtering. Without this script the tables stand as they were ranked.

// The value that a cell is sorted by: a number where there is one. Cells without one come last.
const valueOf = (cell) => {
  const text = cell.dataset.sort ?? cell.textContent.trim();
  const number = Number.parseFloat(text);
  if (text === "" || text === "-") return { rank: 2 };
  return Number.isNaN(number) ? { rank: 1, text } : { rank: 0, number };
};

const compare = (a, b) => {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.rank === 0) return a.number - b.number;
  return a.rank === 1 ? a.text.localeCompare(b.text) : 0;
};

const sort = (table, column, descends) => {
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[column]) }));
  keyed.sort((a, b) => {
    const order = compare(a.value, b.value);
    return descends && a.value.rank === b.value.rank ? -order : order;
  });
  body.append(...keyed.map(({ row }) => row));
};

for (const table of document.querySelectorAll("section.table table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if ("fixed" in head.dataset) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const descends = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descends ? "descending" : "ascending");
      sort(table, column, descends);
    });
  });
}

const form = document.querySelector("form.filters");
const rows = [...document.querySelectorAll("section.table tbody tr")];
const attribute = { transport: "transport", runtime: "runtime", "fast-path": "fastPath", sessions: "sessions" };

// A row without a label, a floor for instance, is not what a filter asks for.
const filter = () => {
  const chosen = [...form.querySelectorAll("select")].filter((select) => select.value !== "");
  let shown = 0;
  for (const row of rows) {
    const fits = chosen.every((select) => row.dataset[attribute[select.dataset.filter]] === select.value);
    row.hidden = !fits;
    shown += fits ? 1 : 0;
  }
  form.querySelector("output").textContent = `${shown} of ${rows.length} rows`;
};

form.hidden = false;
form.addEventListener("change", filter);
form.addEventListener("reset", () => setTimeout(filter));
filter();

// A link to a row that a filter hides shows all rows again.
const reveal = () => {
  const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (row?.hidden) {
    form.reset();
    filter();
    row.scrollIntoView();
  }
};
addEventListener("hashchange", reveal);
