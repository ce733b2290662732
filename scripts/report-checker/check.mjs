// Looks at a report in headless Chromium: at two widths, light and dark, with scripts and without.
// Each finding is a line on stderr; any finding makes the exit code 1.
//
//   node check.mjs PAGE [SCREENSHOTS]

import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = { phone: 360, desktop: 1440 };
const SCHEMES = ["light", "dark"];

const [file, screenshots] = process.argv.slice(2);
if (!file) {
  console.error("usage: check.mjs PAGE [SCREENSHOTS]");
  process.exit(2);
}
const address = pathToFileURL(resolve(file)).href;
if (screenshots) mkdirSync(screenshots, { recursive: true });

let checks = 0;
const findings = [];
const check = (where, what, is, detail = "") => {
  checks += 1;
  if (!is) findings.push(`${where}: ${what}${detail ? `: ${detail}` : ""}`);
};

// A page that was opened, with everything that it said and asked for.
const open = async (browser, where, options) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) said.push(message.text());
  });
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => {
    if (request.url() !== address) said.push(`asked for ${request.url()}`);
  });
  await page.goto(address, { waitUntil: "load" });
  return { context, page, done: () => check(where, "the console is silent", said.length === 0, said.join("; ")) };
};

// What sticks out of the window, apart from what scrolls in a box of its own.
const overflow = (page) =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth > width ? ["the page itself"] : [];
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest(".scroll, svg, .skip") && !element.matches(".scroll")) continue;
      const box = element.getBoundingClientRect();
      if (box.width > 0 && box.right > width + 0.5) {
        found.push(`${element.tagName.toLowerCase()}.${element.className} to ${Math.round(box.right)}`);
      }
    }
    return found.slice(0, 5);
  });

const axe = async (where, page) => {
  await page.evaluate(AXE);
  const result = await page.evaluate(() => window.axe.run(document));
  check(where, "axe ran its rules", result.passes.length > 10, `${result.passes.length} passed`);
  const said = result.violations.map((one) => `${one.id} at ${one.nodes.map((node) => node.target).slice(0, 3).join(" ")}`);
  check(where, "axe finds nothing", said.length === 0, said.join("; "));
};

// Sorts the largest table by each of its columns, both ways.
const sorts = async (where, page) => {
  const column = (table, index) =>
    table.locator("tbody tr").evaluateAll(
      (rows, at) => rows.map((row) => row.cells[at].dataset.sort ?? row.cells[at].textContent.trim()),
      index,
    );
  const sizes = await page.locator("section.table table").evaluateAll((all) => all.map((one) => one.tBodies[0].rows.length));
  const largest = sizes.indexOf(Math.max(...sizes));
  check(where, "a table has rows to sort", Math.max(...sizes) > 2, `${sizes}`);
  const table = page.locator("section.table table").nth(largest);
  const ranked = await column(table, 0);
  const heads = await table.locator("thead th").count();
  let moved = 0;
  for (let at = 0; at < heads; at += 1) {
    const head = table.locator("thead th").nth(at);
    if ((await head.locator("button").count()) === 0) continue;
    const name = (await head.textContent()).trim();
    const orders = [];
    for (const order of ["ascending", "descending"]) {
      await head.locator("button").click();
      check(where, `${name} says that it is ${order}`, (await head.getAttribute("aria-sort")) === order);
      const cells = (await column(table, at)).filter((cell) => cell !== "" && cell !== "-");
      orders.push(cells.join());
      const numbers = cells.map(Number.parseFloat);
      const sign = order === "ascending" ? 1 : -1;
      const pairs = numbers.every((value) => !Number.isNaN(value))
        ? numbers.slice(1).map((value, index) => Math.sign(value - numbers[index]))
        : cells.slice(1).map((value, index) => Math.sign(value.localeCompare(cells[index])));
      check(where, `${name} is ${order}`, pairs.every((pair) => pair * sign >= 0), cells.join(", "));
    }
    if (orders[0] !== orders[1]) moved += 1;
  }
  check(where, "sorting moves rows", moved > 2, `by ${moved} columns`);
  await table.locator("thead th button").first().click();
  check(where, "sorting by rank brings the order back", `${await column(table, 0)}` === `${ranked}`);
};

// Chooses each value of each filter.
const filters = async (where, page) => {
  const all = await page.locator("section.table tbody tr").count();
  const selects = page.locator("form.filters select");
  const count = await selects.count();
  check(where, "there are filters", count > 0);
  let hidden = 0;
  for (let at = 0; at < count; at += 1) {
    const select = selects.nth(at);
    const key = await select.getAttribute("data-filter");
    const values = (await select.locator("option").allTextContents()).slice(1);
    for (const value of values) {
      await select.selectOption(value);
      const shown = page.locator("section.table tbody tr:visible");
      const labels = await shown.evaluateAll((rows, name) => rows.map((row) => row.getAttribute(`data-${name}`)), key);
      check(where, `${key} ${value} shows its rows`, labels.length > 0 && labels.every((label) => label === value), `${labels}`);
      const said = await page.locator("form.filters output").textContent();
      check(where, `${key} ${value} is counted`, said === `${labels.length} of ${all} rows`, said);
      hidden += all - labels.length;
    }
    await select.selectOption("");
  }
  check(where, "a filter hides rows", hidden > 0);
  await selects.first().selectOption({ index: 1 });
  await page.locator("form.filters button[type=reset]").click();
  await page.waitForFunction((rows) => document.querySelectorAll("section.table tbody tr:not([hidden])").length === rows, all);
};

// The colour that a picture's texts have on this screen.
const ink = (page) =>
  page.locator(".plot svg text").first().evaluate((text) => getComputedStyle(text).fill);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  const inks = {};
  for (const [name, width] of Object.entries(WIDTHS)) {
    for (const colorScheme of SCHEMES) {
      const where = `${name} ${colorScheme}`;
      const { context, page, done } = await open(browser, where, { viewport: { width, height: 900 }, colorScheme });
      check(where, "nothing overflows", (await overflow(page)).length === 0, (await overflow(page)).join("; "));
      await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
      check(where, "nothing overflows when all is open", (await overflow(page)).length === 0, (await overflow(page)).join("; "));
      await axe(where, page);
      await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = false; }));
      inks[colorScheme] = await ink(page);
      if (screenshots) {
        await page.screenshot({ path: `${screenshots}/${name}-${colorScheme}.png` });
        await page.screenshot({ path: `${screenshots}/${name}-${colorScheme}-full.png`, fullPage: true });
      }
      await sorts(where, page);
      await filters(where, page);
      check(where, "nothing overflows in the end", (await overflow(page)).length === 0);
      done();
      await context.close();
    }
  }
  check("pictures", "follow the colour scheme", inks.light !== inks.dark, JSON.stringify(inks));

  const where = "without scripts";
  const { context, page, done } = await open(browser, where, { viewport: { width: 1440, height: 900 }, javaScriptEnabled: false });
  const rows = page.locator("section.table tbody tr");
  check(where, "every row is shown", (await rows.count()) > 0 && (await rows.count()) === (await page.locator("section.table tbody tr:visible").count()));
  check(where, "no filter is offered", !(await page.locator("form.filters").isVisible()));
  check(where, "no head of a table is a button", (await page.locator("thead button").count()) === 0);
  await page.emulateMedia({ media: "print" });
  check(where, "rows are printed", await rows.first().isVisible());
  if (screenshots) await page.pdf({ path: `${screenshots}/print.pdf`, format: "A4", landscape: true });
  done();
  await context.close();
} finally {
  await browser.close();
}

for (const finding of findings) console.error(finding);
console.log(`${file}: ${checks} checks, ${findings.length} findings`);
process.exit(findings.length === 0 ? 0 : 1);
