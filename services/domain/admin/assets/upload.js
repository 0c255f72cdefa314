// Sends an update file piece by piece; each answer says which piece is wanted next.
"use strict";
(() => {
  const form = document.getElementById("update");
  const bar = document.getElementById("update-progress");
  const said = document.getElementById("update-said");
  const PIECE = 48 * 1024;
  const TRIES = 20;

  async function post(path, body, type) {
    const answer = await fetch(path, { method: "POST", body, headers: { "Content-Type": type } });
    const text = await answer.json();
    if (answer.ok || typeof text.next === "number") {
      return text;
    }
    throw { refused: text.text || form.dataset.refused };
  }

  const pause = (millis) => new Promise((done) => setTimeout(done, millis));

  async function send(file) {
    let tries = 0;
    let answer = await post("/api/firmware/update", "{}", "application/json");
    while (answer.installed === undefined) {
      const next = answer.next;
      bar.value = next / file.size;
      const piece = file.slice(next, next + PIECE);
      if (piece.size === 0) {
        throw { refused: form.dataset.broken };
      }
      try {
        answer = await post("/api/firmware/update/" + next, piece, "application/octet-stream");
        tries = 0;
      } catch (error) {
        // The network broke off: the box still knows where it was.
        if (error.refused !== undefined || ++tries > TRIES) {
          throw error;
        }
        await pause(1000);
      }
    }
    return answer.installed;
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
      said.textContent = error.refused || form.dataset.broken;
    }
  });
})();
