// Sends the sound of a prompt piece by piece, and then has it take its place.
"use strict";
(() => {
  const said = document.getElementById("prompt-said");
  const PIECE = 48 * 1024;

  async function post(path, body, type) {
    const answer = await fetch(path, { method: "POST", body, headers: { "Content-Type": type } });
    const text = await answer.json();
    if (!answer.ok) {
      throw { refused: text.text || text.error };
    }
    return text;
  }

  async function send(form) {
    const bar = form.querySelector("progress");
    const chosen = form.elements.file.files[0];
    bar.hidden = false;
    said.textContent = "";
    try {
      let next = 0;
      do {
        bar.value = next / Math.max(chosen.size, 1);
        const piece = chosen.slice(next, next + PIECE);
        const path = "/api/prompts/upload/" + next;
        next = (await post(path, piece, "application/octet-stream")).next;
      } while (next < chosen.size);
      bar.value = 1;
      const path = "/api/prompts/" + encodeURIComponent(form.dataset.name) + "/sound";
      await post(path, "{}", "application/json");
      location.reload();
    } catch (error) {
      bar.hidden = true;
      said.textContent = error.refused || said.dataset.broken;
      said.scrollIntoView({ block: "nearest" });
    }
  }

  for (const form of document.querySelectorAll("form.sound")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
})();
