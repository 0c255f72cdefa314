// Keeps a page as the box is. The box sends the parts of it that changed (data-events); where it
// does not, because too many pages watch or nobody is signed in any more, the page is asked for.
"use strict";
(() => {
  const AGAIN = 10000;
  // A connection that ends in its time is back within three seconds.
  const PATIENCE = 6000;
  let source;
  let waiting;
  let fading;

  // Takes a part over: whoever is on a link of it stays there, and what was opened stays open.
  function take(part) {
    const old = part && part.id && document.getElementById(part.id);
    if (!old) {
      return;
    }
    const at = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const opened = [...old.querySelectorAll("details")].map((it) => it.open);
    [...part.querySelectorAll("details")].forEach((it, place) => { it.open = opened[place]; });
    old.replaceWith(part);
    const link = at && [...part.querySelectorAll("a")].find((it) => it.getAttribute("href") === at);
    if (link) {
      link.focus();
    }
  }

  const read = (text) => new DOMParser().parseFromString(text, "text/html");

  // X-Background tells the box that nobody clicked: an open page must not keep its session alive.
  async function ask() {
    try {
      const answer = await fetch(location.href, { headers: { "X-Background": "1" } });
      if (answer.redirected || !answer.ok) {
        location.reload();
        return;
      }
      read(await answer.text()).querySelectorAll("[data-live]").forEach(take);
      here();
    } catch {
      document.body.classList.add("away");
    }
    listen();
  }

  function here() {
    clearTimeout(fading);
    document.body.classList.remove("away");
  }

  function listen() {
    if (document.hidden || source) {
      return;
    }
    source = new EventSource(document.body.dataset.events + location.search);
    source.onopen = here;
    source.addEventListener("part", (event) => take(read(event.data).body.firstElementChild));
    source.onerror = () => {
      clearTimeout(fading);
      fading = setTimeout(() => document.body.classList.add("away"), PATIENCE);
      if (source && source.readyState === EventSource.CLOSED) {
        rest();
        waiting = setTimeout(ask, AGAIN);
      }
    };
  }

  function rest() {
    clearTimeout(waiting);
    if (source) {
      source.close();
      source = undefined;
    }
  }

  // Between two looks of the box the clocks of calls go on.
  function tick() {
    for (const it of document.querySelectorAll("[data-seconds]")) {
      const total = Number(it.dataset.seconds) + 1;
      it.dataset.seconds = total;
      const two = (figure) => String(figure).padStart(2, "0");
      const [hours, minutes] = [Math.floor(total / 3600), Math.floor(total / 60) % 60];
      const rest = two(total % 60);
      it.textContent = hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
    }
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", listen);
  setInterval(tick, 1000);
  listen();
})();
