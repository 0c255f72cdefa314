// A new customer with a browser and the password that the box shows on its screen: up to two phones
// that are listed as registered.
//
// Reads {origin, login, once, chosen, names} from standard input. Writes the cards of the phones as
// one line of JSON, waits until the page lists all of them, presses "Done", and writes {clicks,
// seconds}: what the person pressed, and how long it took up to the cards and from there to the end.

import { start, wish } from "./browser.mjs";

const PHONES_MAX = 240_000;

const browser = await start();
const context = await browser.newContext({ locale: "pt-BR", ignoreHTTPSErrors: true });
const page = await context.newPage();
const begun = Date.now();
let clicks = 0;

/** Fails unless the box shows this page. */
function at(path) {
  const found = new URL(page.url()).pathname;
  if (found !== path) throw new Error(`at ${found}, expected ${path}`);
}

/** Presses something, and waits for the page it leads to. */
async function press(name) {
  clicks += 1;
  const before = new URL(page.url()).pathname;
  const button = page.locator("main").getByRole("button", { name, exact: true });
  const link = page.locator("main").getByRole("link", { name, exact: true });
  // Not the address: the answer to a form may be at the same one.
  const loaded = page.waitForEvent("load").catch(() => {
    throw new Error(`${name} leads nowhere from ${before}`);
  });
  await Promise.all([loaded, button.or(link).click()]);
}

async function signIn(password) {
  await page.locator("input[name=login]").fill(wish.login);
  await page.locator("input[name=password]").fill(password);
  await press("Entrar");
}

await page.goto(`${wish.origin}/`);
await signIn(wish.once);
at("/password");
await page.locator("input[name=old]").fill(wish.once);
await page.locator("input[name=new]").fill(wish.chosen);
await press("Salvar");
if (new URL(page.url()).pathname === "/login") await signIn(wish.chosen);

at("/start");
await page.getByText("Português").click();
await press("Continuar");
at("/start/time");
await press("Continuar");
at("/start/network");
await press("Continuar");
at("/start/numbers");
await page.locator("input[name=area_code]").fill("11");
await press("Continuar");
at("/start/extensions");
await page.locator("textarea[name=names]").fill(wish.names.join("\n"));
await press("Continuar");
const cards = await page.locator("section.phonecard").evaluateAll((all) =>
  all.map((card) => {
    const [server, number, password] = [...card.querySelectorAll("dd")].map((it) => it.innerText);
    return { server, number, password };
  }),
);
const atCards = Date.now();
console.log(JSON.stringify(cards));

await press("Continuar");
at("/start/trunk");
await press("Agora não");
at("/start/backup");
// Both that outlive the box are there, and neither holds anybody up.
await page.getByRole("button", { name: "Gerar o código" }).waitFor();
await page.getByRole("heading", { name: "Uma cópia longe da central" }).waitFor();
await press("Continuar");
at("/start/ready");
for (const { number } of cards) {
  const phone = page.locator("main tbody td").getByText(number, { exact: true });
  await phone.waitFor({ timeout: PHONES_MAX });
}
await press("Pronto");
at("/");
const seconds = [atCards - begun, Date.now() - atCards].map((it) => Math.round(it / 100) / 10);
console.log(JSON.stringify({ clicks, seconds }));
await browser.close();
