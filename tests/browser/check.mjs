// Opens a report's page as its readers do, and says what is wrong with it:
//
//     node check.mjs CHROMIUM report.html
//
// Prints one JSON object; ends with 1 where it has findings.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { checkColors, checkColumns, checkLayout } from "./layout.mjs";
import { checkSorting } from "./sorting.mjs";

const PHONE = { width: 390, height: 844 };
const SCREEN = { width: 1280, height: 900 };
const PAPER = { width: 688, height: 1000 }; // A4 within margins of 14 mm
const SMALLEST_TEXT = 12; // pixels
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const [executablePath, file] = process.argv.slice(2);
const address = pathToFileURL(resolve(file)).href;
const findings = [];
const found = (where, what) => findings.push(`${where}: ${what}`);

/** Open the page, tell what goes wrong meanwhile, and hand it to `look`. */
async function visit(browser, where, options, look) {
  const context = await browser.newContext({ viewport: SCREEN, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.on("console", (message) => found(where, `console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => found(where, `script: ${error.message}`));
  page.on("request", (request) => /^(file|data):/.test(request.url()) || found(where, `asked for ${request.url().slice(0, 100)}`));
  await page.goto(address);
  const result = await look(page);
  await context.close();
  return result;
}

async function checkImages(page, where) {
  const images = await page.$$eval("img", (all) =>
    all.map((image) => {
      const { width, height } = image.getBoundingClientRect();
      return { loaded: image.complete && image.naturalWidth > 0, alt: image.alt, excess: height - (width * image.naturalHeight) / image.naturalWidth };
    }),
  );
  for (const [place, image] of images.entries()) {
    if (!image.loaded) found(where, `image ${place + 1} is not loaded`);
    if (!image.alt.trim()) found(where, `image ${place + 1} has no alternative text`);
    if (Math.abs(image.excess) > 2) found(where, `image ${place + 1} is distorted`);
  }
  return images.length;
}

async function checkWidth(page, where) {
  const widths = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  if (widths[0] > widths[1]) found(where, `${widths[0]} pixels wide, ${widths[1]} are there`);
}

/** No text is too small to read. */
async function checkText(page, where) {
  const small = await page.evaluate((limit) => {
    const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const elements = [...document.querySelectorAll("body *:not(script)")].filter(hasText);
    return elements.filter((element) => parseFloat(getComputedStyle(element).fontSize) < limit).map((element) => element.outerHTML.slice(0, 80));
  }, SMALLEST_TEXT);
  small.forEach((element) => found(where, `smaller than ${SMALLEST_TEXT} pixels: ${element}`));
}

async function checkAccess(page, where) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const { id, impact, nodes } of violations) {
    const place = `${id} (${impact}), ${nodes.length} times, first ${nodes[0].html.slice(0, 200)}`;
    if (["serious", "critical"].includes(impact)) found(where, place);
  }
  return violations.map(({ id, impact }) => `${impact}: ${id}`);
}

/** The first stop of the keyboard leads to the content; every link of the page leads somewhere. */
async function checkLinks(page, where) {
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const focused = await page.evaluate(() => document.activeElement.id);
  if (focused !== "main") found(where, `the first link leads to ${focused || "nothing"}, not to the content`);
  const dead = await page.$$eval("a", (all) => all.map((link) => link.getAttribute("href")).filter((href) => !document.getElementById(href.slice(1))));
  dead.forEach((href) => found(where, `the link ${href} leads nowhere`));
}

/** On paper there is nothing to click, and every table fits. */
async function checkPaper(page, where) {
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize(PAPER);
  const wide = await page.$$eval(".table table", (all) =>
    all.filter((table) => table.offsetWidth > window.innerWidth).map((table) => table.caption.textContent),
  );
  wide.forEach((title) => found(where, `the table ${title} is wider than the page`));
  if (await page.locator(".room > input:visible").count()) found(where, "controls are shown");
  if (await page.locator("nav").isVisible()) found(where, "the contents are shown");
  const arrows = await page.$$eval("thead button", (all) => all.filter((button) => getComputedStyle(button, "::after").display !== "none").length);
  if (arrows) found(where, `${arrows} arrows to sort by are shown`);
}

const text = (page) => page.locator("main").innerText();

const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
try {
  const light = await visit(browser, "light", {}, async (page) => {
    await checkLinks(page, "light");
    const images = await checkImages(page, "light");
    await checkWidth(page, "light");
    const axe = await checkAccess(page, "light");
    const given = await text(page);
    const sorted = await checkSorting(page, (what) => found("sorting", what));
    if ((await text(page)) !== given) found("sorting", "the page is not as it was when every order is taken back");
    return { images, axe, sorted, given };
  });
  await visit(browser, "dark", { colorScheme: "dark" }, (page) => checkAccess(page, "dark"));
  for (const width of [320, PHONE.width]) {
    await visit(browser, `${width} pixels`, { viewport: { ...PHONE, width } }, async (page) => {
      await checkImages(page, `${width} pixels`);
      await checkWidth(page, `${width} pixels`);
      await checkText(page, `${width} pixels`);
      await checkAccess(page, `${width} pixels`);
    });
  }
  const scrolling = await checkLayout((where, options, look) => visit(browser, where, options, look), found);
  await visit(browser, "colors", {}, (page) => checkColors(page, "colors", found));
  await visit(browser, "paper", {}, (page) => checkPaper(page, "paper"));
  await visit(browser, "without script", { javaScriptEnabled: false }, async (page) => {
    await checkImages(page, "without script");
    await checkColumns(page, "without script", found);
    if ((await text(page)) !== light.given) found("without script", "the text is not what it is with the script");
    if (await page.locator("button").count()) found("without script", "there are buttons that do nothing");
  });
  console.log(JSON.stringify({ findings, images: light.images, sorted_columns: light.sorted, scrolling, axe: light.axe }, null, 2));
} finally {
  await browser.close();
}
process.exitCode = findings.length ? 1 : 0;
