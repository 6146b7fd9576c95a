"use strict";

// Headings become buttons that sort their table: ascending, descending, original order. Without this script, tables cannot be sorted.
const collator = new Intl.Collator("en", { numeric: true }); // the same order in any language of the reader
const following = { none: "ascending", ascending: "descending", descending: "none" };

function valueOf(cell) {
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
}

function compare(a, b) {
  if (typeof a === "number") return a < b ? -1 : Number(a > b);
  return collator.compare(a, b);
}

/** Return rows sorted by a column; those with a missing value come last in both orders, and equal rows keep their order. */
function sorted(rows, column, order) {
  const isMissing = (row) => row.cells[column].classList.contains("missing");
  const sign = order === "descending" ? -1 : 1;
  const present = rows.filter((row) => !isMissing(row));
  present.sort((a, b) => sign * compare(valueOf(a.cells[column]), valueOf(b.cells[column])));
  return [...present, ...rows.filter(isMissing)];
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const order = following[head.getAttribute("aria-sort") ?? "none"];
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      if (order !== "none") head.setAttribute("aria-sort", order);
      body.append(...(order === "none" ? original : sorted(original, column, order)));
    });
  });
}

/** Only a table that scrolls needs keyboard focus, and a hint. */
function focusIfScrollable(region) {
  const scrolls = region.scrollWidth > region.clientWidth;
  if (scrolls) region.setAttribute("tabindex", "0");
  else region.removeAttribute("tabindex");
  region.nextElementSibling.hidden = !scrolls;
}

document.querySelectorAll("thead").forEach((head) => makeSortable(head.parentElement));
const watcher = new ResizeObserver((entries) => entries.forEach((entry) => focusIfScrollable(entry.target.closest("[role=region]"))));
document.querySelectorAll("[role=region]").forEach((region) => {
  watcher.observe(region);
  watcher.observe(region.firstElementChild); // wider once all its columns are shown
});
// The table of contents would fill a narrow screen.
if (matchMedia("(width < 70rem)").matches) document.querySelector("#contents > details").open = false;
