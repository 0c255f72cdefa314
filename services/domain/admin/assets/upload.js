// Sends an update file piece by piece, each the one that is wanted next; or has the box fetch one
// from a server, or read one from the stick in it.
"use strict";
(() => {
  const form = document.getElementById("update");
  const fetching = document.getElementById("fetch");
  const stick = document.getElementById("stick");
  const bar = document.getElementById("update-progress");
  const said = document.getElementById("update-said");
  const UPDATE = "/api/firmware/update";
  const PIECE = 48 * 1024;
  const TRIES = 20;

  async function ask(path, options) {
    const answer = await fetch(path, options);
    const text = await answer.json();
    if (answer.ok || typeof text.next === "number") {
      return text;
    }
    // 503: a part of the box starts again and will know where it was.
    const why = text.text || form.dataset.refused;
    throw answer.status === 503 ? { away: why } : { refused: why };
  }

  const post = (path, body, type) =>
    ask(path, { method: "POST", body, headers: { "Content-Type": type } });

  const begin = () => post(UPDATE, "{}", "application/json");

  const pause = (millis) => new Promise((done) => setTimeout(done, millis));

  // Where the box wants to go on. One that has forgotten the update begins it anew, and finds
  // again what it has written.
  async function resume() {
    const { update } = await ask("/api/firmware", {});
    return update && typeof update.next === "number" ? update : begin();
  }

  async function send(file) {
    let tries = 0;
    let furthest = 0;
    let answer = await begin();
    while (answer.installed === undefined) {
      const next = answer.next;
      // An updater that ends at the same place again and again is not helped for ever.
      if (next > furthest) {
        furthest = next;
        tries = 0;
      }
      bar.value = next / file.size;
      const piece = file.slice(next, next + Math.min(PIECE, answer.bytes || PIECE));
      if (piece.size === 0) {
        throw { refused: form.dataset.broken };
      }
      let sent = () => post(UPDATE + "/" + next, piece, "application/octet-stream");
      answer = undefined;
      while (answer === undefined) {
        try {
          answer = await sent();
        } catch (error) {
          if (error.refused !== undefined || ++tries > TRIES) {
            throw error;
          }
          await pause(1000);
          sent = resume;
        }
      }
    }
    return answer.installed;
  }

  // The box fetches by itself; its answer is asked for until there is one.
  async function watch() {
    let tries = 0;
    for (;;) {
      await pause(1000);
      let seen;
      try {
        const answer = await fetch("/api/firmware", { headers: { "X-Background": "1" } });
        seen = await answer.json();
        if (!answer.ok) {
          // A service that starts anew is back in a moment.
          throw { refused: answer.status === 503 ? undefined : seen.text || form.dataset.refused };
        }
        tries = 0;
      } catch (error) {
        if (error.refused !== undefined || ++tries > TRIES) {
          throw error;
        }
        continue;
      }
      if (seen.update && seen.update.length > 0) {
        bar.value = seen.update.received / seen.update.length;
      }
      if (!seen.fetch || seen.fetch.state === "failed") {
        throw { refused: (seen.fetch && seen.fetch.text) || form.dataset.refused };
      }
      if (seen.fetch.state === "installed") {
        return seen.fetch.version;
      }
    }
  }

  async function have(path, wish) {
    bar.hidden = false;
    said.textContent = "";
    try {
      await post(path, JSON.stringify(wish), "application/json");
      const version = await watch();
      bar.value = 1;
      said.textContent = form.dataset.done.replace("{}", version);
    } catch (error) {
      said.textContent = error.refused || form.dataset.broken;
    }
  }

  fetching.addEventListener("submit", (event) => {
    event.preventDefault();
    const { url, fingerprint } = fetching.elements;
    have("/api/firmware/fetch", { url: url.value, fingerprint: fingerprint.value });
  });

  if (stick) {
    stick.addEventListener("submit", (event) => {
      event.preventDefault();
      have("/api/firmware/stick", { file: stick.elements.file.value });
    });
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    bar.hidden = false;
    said.textContent = "";
    try {
      const version = await send(form.elements.file.files[0]);
      bar.value = 1;
      said.textContent = form.dataset.done.replace("{}", version);
    } catch (error) {
      said.textContent = error.refused || error.away || form.dataset.broken;
    }
  });
})();
