// Renews the status page every three seconds by asking for it again and taking over its content.
// X-Background tells the box that nobody clicked: an open window must not keep its session alive.
"use strict";
const every = 3000;
async function refresh() {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { "X-Background": "1" } });
      if (answer.redirected || !answer.ok) {
        location.reload();
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.getElementById("main").replaceWith(page.getElementById("main"));
      document.body.classList.remove("away");
    } catch {
      document.body.classList.add("away");
    }
  }
  setTimeout(refresh, every);
}
setTimeout(refresh, every);
