// A passkey in a browser: made, used alone and after the password, refused and removed, by an
// authenticator that Chromium plays itself.
//
// Reads {address, name, port, login, password, own} from standard input: where the box is, by what
// name it has to be opened, and a new account with its one-time password and the password it is to
// have. Ends with 1, and says why, when something is not as it should be.

import assert from "node:assert/strict";
import { X509Certificate, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { chromium } from "playwright-core";

const wish = JSON.parse(readFileSync(0, "utf8"));
const byName = `https://${wish.name}:${wish.port}`;
const byAddress = `https://${wish.address}:${wish.port}`;

/** The key of the box's certificate, as Chromium is told to trust one: as a person would have to. */
function keyOfBox() {
  return new Promise((resolve, reject) => {
    const options = { host: wish.address, port: wish.port, rejectUnauthorized: false };
    const socket = connect(options, () => {
      const certificate = new X509Certificate(socket.getPeerCertificate().raw);
      const key = certificate.publicKey.export({ type: "spki", format: "der" });
      resolve(createHash("sha256").update(key).digest("base64"));
      socket.end();
    });
    socket.on("error", reject);
  });
}

async function fill(page, fields) {
  for (const [name, value] of Object.entries(fields)) {
    await page.locator(`input[name=${name}]`).fill(value);
  }
}

/** Clicks, and waits for the page this leads to. */
async function go(page, button, path) {
  const there = page.waitForURL((url) => url.pathname === path);
  await Promise.all([there, page.locator(button).click()]);
}

async function signOut(page) {
  await go(page, "form[action='/logout'] button", "/login");
}

async function sayPassword(page, password, path) {
  await page.goto(`${byName}/login`);
  await fill(page, { login: wish.login, password });
  await go(page, "form[action='/login'] button", path);
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    `--host-resolver-rules=MAP ${wish.name} ${wish.address}`,
    `--ignore-certificate-errors-spki-list=${await keyOfBox()}`,
  ],
});
const context = await browser.newContext({ locale: "pt-BR" });
const page = await context.newPage();
const faults = [];
page.on("console", (it) => {
  // A page that says no, or asks for the password first, has a status of its own, which Chromium
  // notes as an error.
  if (it.type() === "error" && !/status of 40[13]/.test(it.text())) faults.push(it.text());
});
page.on("pageerror", (error) => faults.push(`script: ${error}`));

const device = await context.newCDPSession(page);
await device.send("WebAuthn.enable");
const options = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};
const { authenticatorId } = await device.send("WebAuthn.addVirtualAuthenticator", { options });

// The account chooses its own password.
await sayPassword(page, wish.password, "/password");
await fill(page, { old: wish.password, new: wish.own });
await page.locator("main form button").click();
await page.waitForURL((url) => url.pathname !== "/password");

// Opened by its address, the box says by what name it has to be opened.
const other = await context.newPage();
await other.goto(`${byAddress}/login`);
await fill(other, { login: wish.login, password: wish.own });
await other.locator("form[action='/login'] button").click();
await other.waitForURL((url) => url.pathname !== "/login");
await other.goto(`${byAddress}/passkeys`);
assert.equal(await other.locator("form[action='/passkeys/new']").count(), 0);
assert.equal(await other.locator(`a[href='${byName}/passkeys']`).count(), 1);
await other.close();
console.log("by address: told the name");

// By name one is made.
await page.goto(`${byName}/passkeys`);
await go(page, "form[action='/passkeys/new'] button", "/passkeys/new");
await fill(page, { name: "telefone da Bia" });
await go(page, "form[data-passkey=create] button", "/passkeys");
assert.equal(await page.locator("li code").count(), 10);
await page.goto(`${byName}/passkeys`);
assert.equal(await page.locator("td.strong").innerText(), "telefone da Bia");
const { credentials } = await device.send("WebAuthn.getCredentials", { authenticatorId });
assert.deepEqual(
  credentials.map((it) => [it.rpId, it.isResidentCredential]),
  [[wish.name, true]],
);
console.log("by name: made");

// It signs in alone.
await signOut(page);
await page.locator("form[data-passkey=get] button").click();
await page.waitForURL((url) => url.pathname === "/");
assert.equal(await page.locator("form.person a").innerText(), wish.login);
console.log("signed in with it alone");

// The password is not enough any more, and it completes the sign-in.
await signOut(page);
await sayPassword(page, wish.own, "/code");
await go(page, "form[data-passkey=get] button", "/");
console.log("signed in with it after the password");

// Whoever cannot say who he is does not get in, and is told.
await signOut(page);
await device.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
await page.locator("form[data-passkey=get] button").click();
const said = page.locator("form[data-passkey=get] [role=alert]");
await said.waitFor({ state: "visible" });
assert.match(await said.innerText(), /não forneceu/);
await device.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
console.log("refused without the finger");

// One that is removed signs nobody in.
await page.locator("form[data-passkey=get] button").click();
await page.waitForURL((url) => url.pathname === "/");
await page.goto(`${byName}/passkeys`);
// No password was said in this session.
await page.locator("td form button").click();
await fill(page, { confirm_password: wish.own });
await go(page, "main form button[type=submit]", "/passkeys");
assert.equal(await page.locator("td.strong").count(), 0);
await signOut(page);
await page.goto(`${byName}/login`);
await sayPassword(page, wish.own, "/");
console.log("removed: the password is enough again");

await browser.close();
assert.deepEqual(faults, []);
