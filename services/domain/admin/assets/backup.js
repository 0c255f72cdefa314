// Sends a backup piece by piece, and then has it restored.
"use strict";
(() => {
  const form = document.getElementById("bring");
  const bar = document.getElementById("bring-progress");
  const said = document.getElementById("bring-said");
  const PIECE = 48 * 1024;

  async function post(path, body, type) {
    const answer = await fetch(path, { method: "POST", body, headers: { "Content-Type": type } });
    const text = await answer.json();
    if (!answer.ok) {
      throw { refused: text.text || text.error };
    }
    return text;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { file, code } = form.elements;
    const password = form.elements.namedItem("confirm_password");
    const chosen = file.files[0];
    bar.hidden = false;
    said.textContent = "";
    try {
      const proof = JSON.stringify({ password: password.value });
      await post("/api/confirm", proof, "application/json");
      let next = 0;
      do {
        bar.value = next / Math.max(chosen.size, 1);
        const piece = chosen.slice(next, next + PIECE);
        const path = "/api/backups/upload/" + next;
        next = (await post(path, piece, "application/octet-stream")).next;
      } while (next < chosen.size);
      bar.value = 1;
      // Sending may have taken longer than a password that was said holds.
      await post("/api/confirm", proof, "application/json");
      const wish = { code: code.value };
      await post("/api/backups/restore", JSON.stringify(wish), "application/json");
      location.assign("/backups/restore");
    } catch (error) {
      said.textContent = error.refused || form.dataset.broken;
    }
  });
})();
