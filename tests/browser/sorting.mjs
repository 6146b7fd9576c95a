// What the order of a table's rows must be after each click, read from what the reader sees.

const ORDERS = ["ascending", "descending", null];

/** Sort every column of every table; return how many there are. The page is left as it was. */
export async function checkSorting(page, found) {
  const count = await page.$$eval("thead button", (buttons) => buttons.length);
  for (let place = 0; place < count; place += 1) {
    const [given, ...states] = await page.$$eval("thead button", sorted, { place, clicks: ORDERS.length });
    states.forEach((state, click) => compare(state, given, ORDERS[click], found));
  }
  if (count) await checkInput(page, found);
  return count;
}

/** Click a heading's button some times; return what its column is before, and after each. Runs in the page. */
function sorted(buttons, { place, clicks }) {
  const head = buttons[place].closest("th");
  const body = head.closest("table").tBodies[0];
  const places = new Map([...body.rows].map((row, number) => [row, number]));
  const column = () => {
    const rows = [...body.rows];
    const cells = rows.map((row) => row.cells[head.cellIndex]);
    return {
      name: `${body.parentElement.caption.textContent}: ${head.textContent}`,
      order: head.getAttribute("aria-sort"),
      others: [...head.parentElement.cells].filter((other) => other !== head && other.hasAttribute("aria-sort")).length,
      number: head.classList.contains("number"),
      rows: rows.map((row) => places.get(row)), // where each was
      cells: cells.map((cell) => ({ text: cell.textContent, value: cell.dataset.value, missing: cell.classList.contains("missing") })),
    };
  };
  const states = [column()];
  for (let click = 0; click < clicks; click += 1) {
    buttons[place].click();
    states.push(column());
  }
  return states;
}

function compare(now, given, order, found) {
  const say = (what) => found(`${now.name}, ${order ?? "as it was"}: ${what}`);
  if (now.order !== order || now.others) say(`aria-sort is ${now.order}, and ${now.others} other headings have one`);
  if (new Set(now.rows).size !== given.rows.length) say("rows were lost");
  if (order === null) {
    if (now.rows.join() !== given.rows.join()) say("rows are not as they were");
    return;
  }
  const count = now.cells.filter((cell) => !cell.missing).length;
  if (now.cells.slice(0, count).some((cell) => cell.missing)) say("a value comes after a missing one");
  inOrder(now.cells.slice(count).map(() => 0), now.rows.slice(count), order, say);
  const shown = now.cells.filter((cell) => !cell.missing);
  const keys = now.number ? shown.map((cell) => Number(cell.value)) : shown.map((cell) => cell.text);
  if (now.number && keys.some(Number.isNaN)) say("a number cannot be read");
  inOrder(keys, now.rows, order, say);
  const written = shown.map((cell) => Number(cell.text.replaceAll(/[,%]/g, "")));
  if (now.number && !written.some(Number.isNaN)) inOrder(written, null, order, say);
}

/** Equal keys must be in the order in which their rows were, where that is given: what is written may be equal though values differ. */
function inOrder(keys, places, order, say) {
  const collator = new Intl.Collator("en", { numeric: true });
  const sign = order === "ascending" ? 1 : -1;
  for (let place = 1; place < keys.length; place += 1) {
    const [before, after] = [keys[place - 1], keys[place]];
    const step = sign * (typeof after === "number" ? Math.sign(after - before) : collator.compare(after, before));
    if (step < 0) return say(`${before} comes before ${after}`);
    if (step === 0 && places && places[place - 1] > places[place]) return say(`${after} has changed places with its equal`);
  }
}

/** The same by hand: a click of the mouse, then Enter and the space bar on the focused heading. */
async function checkInput(page, found) {
  const button = page.locator("thead button").first();
  const head = page.locator("thead th").first();
  const orders = [];
  const act = [() => button.click(), () => page.keyboard.press("Enter"), () => page.keyboard.press("Space")];
  for (const press of act) {
    await press();
    orders.push(await head.getAttribute("aria-sort"));
  }
  if (orders.join() !== ORDERS.join()) found(`mouse, Enter and space bar gave ${orders.join(", ")}`);
  const outline = await button.evaluate((focused) => getComputedStyle(focused).outlineStyle);
  if (outline === "none") found("a heading that has the focus does not show it");
}
