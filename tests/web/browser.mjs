// Debian's browser, and what whoever leads it was asked for by standard input: no password is in an
// argument.

import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const LAUNCH = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** What is wished. */
export const wish = JSON.parse(readFileSync(0, "utf8"));

/** Starts it. */
export const start = () => chromium.launch(LAUNCH);
