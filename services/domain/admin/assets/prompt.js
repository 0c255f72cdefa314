// Sends the sound of a prompt piece by piece, and then has it take its place.
(() => {
  const said = document.getElementById("prompt-said");

  async function send(form) {
    const bar = form.querySelector("progress");
    const chosen = form.elements.file.files[0];
    bar.hidden = false;
    said.textContent = "";
    try {
      await sendPieces("/api/prompts/upload/", chosen, bar);
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
