// Every page of the box that a link leads to, as people see it: with a browser, in both languages
// and both themes, on a desk and on a phone.
//
// Reads {origin, login, password, sights, pictures} from standard input, so that no password is in
// an argument. Says each fault on a line of its own, and ends with 1 when there is one.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { start, wish } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FIRST_VIEW_MAX = 100_000;
// Of pages about one thing of a list: what holds for three of them holds for all.
const ALIKE_MAX = 3;
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const SIGHTS = [
  { name: "pt-light-desk", locale: "pt-BR", colorScheme: "light", viewport: DESK },
  { name: "en-dark-phone", locale: "en-US", colorScheme: "dark", viewport: PHONE },
  { name: "en-light-phone", locale: "en-US", colorScheme: "light", viewport: PHONE },
  { name: "pt-dark-desk", locale: "pt-BR", colorScheme: "dark", viewport: DESK },
];
const faults = [];
let looked = 0;

/** Takes note of something that is not as it should be. */
function fault(sight, path, what) {
  faults.push(`${sight.name} ${path}: ${what}`);
}

/** Signs in without a mouse. */
async function signIn(page) {
  await page.goto(`${wish.origin}/login`);
  await page.locator("input[name=login]").focus();
  await page.keyboard.type(wish.login);
  await page.keyboard.press("Tab");
  await page.keyboard.type(wish.password);
  const inside = page.waitForURL((url) => url.pathname !== "/login");
  await Promise.all([inside, page.keyboard.press("Enter")]);
}

/** Pages of one kind have one shape: `/extensions/100` and `/extensions/101`. */
function shape(path) {
  const [, first, second, ...rest] = path.split("/");
  return second === undefined ? `/${first}` : ["", first, "*", ...rest].join("/");
}

/** Looks at one page, and answers where its links lead. */
async function look(page, sight, path) {
  const answer = await page.goto(wish.origin + path, { waitUntil: "load" });
  looked += 1;
  if (answer.status() !== 200) fault(sight, path, `status ${answer.status()}`);
  const length = (await answer.body()).length;
  if (length > FIRST_VIEW_MAX) fault(sight, path, `${length} bytes`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 1) fault(sight, path, `${wide} pixels wider than the screen`);
  const language = await page.evaluate(() => document.documentElement.lang);
  if (!sight.locale.startsWith(language.slice(0, 2))) fault(sight, path, `lang is ${language}`);
  await page.evaluate(AXE);
  const options = { resultTypes: ["violations"] };
  const { violations } = await page.evaluate((options) => axe.run(document, options), options);
  for (const { id, help, nodes } of violations) {
    fault(sight, path, `${id}: ${help}: ${nodes.slice(0, 3).map((it) => it.html).join(" ")}`);
  }
  if (wish.pictures) {
    const name = path === "/" ? "home" : path.slice(1).replaceAll("/", "-");
    await page.screenshot({ path: `${wish.pictures}/${name}-${sight.name}.png`, fullPage: true });
  }
  // `download` without a name is an empty text.
  const links = "a[href]:not([download])";
  return page.$$eval(links, (all) => all.map((it) => it.href));
}

/** Looks at every page there is a way to. */
async function walk(browser, sight) {
  const { name, ...options } = sight;
  const context = await browser.newContext({ ...options, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  let path = "/login";
  page.on("console", (it) => it.type() === "error" && fault(sight, path, `console: ${it.text()}`));
  page.on("pageerror", (error) => fault(sight, path, `script: ${error}`));
  page.on("request", (it) => {
    if (!it.url().startsWith(`${wish.origin}/`)) fault(sight, path, `asks ${it.url()}`);
  });
  await look(page, sight, path);
  await signIn(page);
  const left = [new URL(page.url()).pathname];
  const seen = new Set(left);
  const alike = new Map();
  while (left.length > 0) {
    path = left.shift();
    for (const link of await look(page, sight, path)) {
      const url = new URL(link);
      const isFile = /\.(toml|csv|backup|json)$|^\/(api|about\/licences)\//.test(url.pathname);
      if (url.origin !== wish.origin || seen.has(url.pathname) || isFile) continue;
      const count = (alike.get(shape(url.pathname)) ?? 0) + 1;
      if (count > ALIKE_MAX) continue;
      alike.set(shape(url.pathname), count);
      seen.add(url.pathname);
      left.push(url.pathname);
    }
  }
  await context.close();
  return seen.size;
}

if (wish.pictures) mkdirSync(wish.pictures, { recursive: true });
const browser = await start();
for (const sight of SIGHTS.slice(0, wish.sights ?? SIGHTS.length)) {
  const pages = await walk(browser, sight);
  console.log(`${sight.name}: ${pages} pages`);
}
await browser.close();
for (const line of faults) console.log(`fault: ${line}`);
console.log(`${looked} pages looked at, ${faults.length} faults`);
process.exitCode = faults.length > 0 || looked < 20 ? 1 : 0;
