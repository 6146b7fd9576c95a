"use strict";

// Tables are sorted by the buttons that their headings become: ascending, descending, as it was. Without this script they are not.
const collator = new Intl.Collator("en", { numeric: true }); // the same order whatever the reader's language
const following = { none: "ascending", ascending: "descending", descending: "none" };

function valueOf(cell) {
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
}

function compare(one, other) {
  if (typeof one === "number") return one < other ? -1 : Number(one > other);
  return collator.compare(one, other);
}

/** Return rows in the order of a column; those with nothing in it come last either way, and equal ones stay as they were. */
function sorted(rows, column, order) {
  const isMissing = (row) => row.cells[column].classList.contains("missing");
  const sign = order === "descending" ? -1 : 1;
  const there = rows.filter((row) => !isMissing(row));
  there.sort((one, other) => sign * compare(valueOf(one.cells[column]), valueOf(other.cells[column])));
  return [...there, ...rows.filter(isMissing)];
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const given = [...body.rows];
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
      body.append(...(order === "none" ? given : sorted(given, column, order)));
    });
  });
}

/** A table that fits needs no scrolling, hence no stop for the keyboard. */
function stopWhereItScrolls(region) {
  if (region.scrollWidth > region.clientWidth) region.setAttribute("tabindex", "0");
  else region.removeAttribute("tabindex");
}

document.querySelectorAll("thead").forEach((head) => makeSortable(head.parentElement));
const watcher = new ResizeObserver((entries) => entries.forEach((entry) => stopWhereItScrolls(entry.target)));
document.querySelectorAll("[role=region]").forEach((region) => watcher.observe(region));
// On a narrow screen the contents would fill it.
if (matchMedia("(width < 70rem)").matches) document.querySelector("#contents > details").open = false;
