// Where things are on a screen: nothing hides behind an edge, the answer is on the first screen, columns appear on request.

const SIZES = { "1280 pixels": [1280, 800], "1920 pixels": [1920, 1080], "400 pixels": [400, 800] };

/** Look at the page at each size with `visit`; return how many tables scroll at each. */
export async function checkLayout(visit, found) {
  const scrolling = {};
  for (const [where, [width, height]] of Object.entries(SIZES)) {
    await visit(where, { viewport: { width, height } }, async (page) => {
      (await page.evaluate(findHidden)).forEach((element) => found(where, `beyond the edge: ${element}`));
      scrolling[where] = await page.$$eval(".table[role]", (all) => all.filter((table) => table.scrollWidth > table.clientWidth).length);
      await checkFirstScreen(page, where, width > height, found);
      await checkColumns(page, where, found);
    });
  }
  return scrolling;
}

/** Return the visible elements that reach beyond the edge of the window, unless their table scrolls and says so. Runs in the page. */
function findHidden() {
  const isTold = (element) => {
    const hint = element.closest(".table[role]")?.nextElementSibling;
    return hint?.matches(".hint") && hint.checkVisibility();
  };
  const isBeyond = (element) => {
    const { left, right, width } = element.getBoundingClientRect();
    return width > 1 && (left < -1 || right > window.innerWidth + 1);
  };
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && !element.closest(".skip") && isBeyond(element) && !isTold(element))
    .map((element) => element.outerHTML.slice(0, 80));
}

/** The result and the figures next to it are on the first screen; on a phone, they follow each other in this order. */
async function checkFirstScreen(page, where, isWide, found) {
  const boxes = await page.$$eval("article:first-of-type > .facts .value, article:first-of-type > .leading img", (all) =>
    all.map((element) => ({ name: element.textContent || element.alt.slice(0, 40), ...element.getBoundingClientRect().toJSON() })),
  );
  const height = await page.evaluate(() => window.innerHeight);
  for (const { name, bottom } of boxes) if (isWide && bottom > height) found(where, `not on the first screen: ${name}`);
  if (boxes.length && boxes[0].bottom > height) found(where, `the result is not on the first screen: ${boxes[0].name}`);
  const tops = boxes.map(({ top }) => top);
  if (!isWide && tops.some((top, place) => top < tops[place - 1])) found(where, "the result and its figures are not in order");
}

/** Each control that is shown makes every column of its table visible, by the keyboard, and hides them again. */
export async function checkColumns(page, where, found) {
  for (const box of await page.locator(".room > input:visible").all()) {
    const cells = box.locator("xpath=../*[contains(@class, 'table')]//thead//th");
    const count = () => cells.evaluateAll((all) => all.filter((cell) => cell.checkVisibility()).length);
    const counts = [await count()];
    for (let press = 0; press < 2; press += 1) {
      await box.press("Space");
      counts.push(await count());
    }
    const [before, shown, after] = counts;
    const all = await cells.count();
    if (before >= all || shown !== all || after !== before) found(where, `of ${all} columns, ${before} are shown, then ${shown}, then ${after}`);
  }
}

/** Figures follow the reader's colors on a screen, but not on paper. */
export async function checkColors(page, where, found) {
  const image = page.locator("img").first();
  if (!(await image.count())) return;
  const pictures = {};
  for (const media of ["screen", "print"]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ media, colorScheme });
      await image.scrollIntoViewIfNeeded();
      const { x, y, width, height } = await image.boundingBox();
      const clip = { x: x + 4, y: y + 4, width: width - 8, height: height - 8 }; // without the page around it
      pictures[`${media} ${colorScheme}`] = await page.screenshot({ clip });
    }
  }
  if (pictures["screen light"].equals(pictures["screen dark"])) found(where, "the first figure is the same on a dark page");
  if (!pictures["print light"].equals(pictures["print dark"])) found(where, "on paper, the first figure depends on the reader's colors");
}
