// Sends a backup piece by piece, and then has it restored.
(() => {
  const form = document.getElementById("bring");
  const bar = document.getElementById("bring-progress");
  const said = document.getElementById("bring-said");

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
      await sendPieces("/api/backups/upload/", chosen, bar);
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
