// Makes passkeys, and signs in with them. Each form says what it is for: data-passkey is "create" or
// "get", data-options what the box asks, data-ask where to ask for that, data-field the field for
// what the browser gives.
"use strict";
(() => {
  const toBytes = (text) => {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (it) => it.charCodeAt(0));
  };
  const toText = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");

  /** The options of the box, with bytes where the browser wants them. */
  function read(options) {
    const all = (list) => (list || []).map((it) => ({ ...it, id: toBytes(it.id) }));
    const read = { ...options, challenge: toBytes(options.challenge) };
    if (options.user) {
      read.user = { ...options.user, id: toBytes(options.user.id) };
      read.excludeCredentials = all(options.excludeCredentials);
    } else {
      read.allowCredentials = all(options.allowCredentials);
    }
    return read;
  }

  /** What the browser gave, as JSON (WebAuthn §5.1). */
  function written(credential) {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
      if (credential.response[name]) response[name] = toText(credential.response[name]);
    }
    if (credential.response.userHandle) {
      response.userHandle = toText(credential.response.userHandle);
    }
    return JSON.stringify({ id: credential.id, type: credential.type, response });
  }

  async function ask(path) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(path, { method: "POST", body: "{}", headers });
    const options = await answer.json();
    if (!answer.ok) throw { refused: options.text || options.error };
    return options;
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const said = form.querySelector("[role=alert]");
    if (!window.PublicKeyCredential) {
      if (form.dataset.none) {
        said.textContent = form.dataset.none;
        said.hidden = false;
        form.hidden = false;
        form.querySelector("button").disabled = true;
      }
      continue;
    }
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      said.hidden = true;
      try {
        const { options, ask: path, passkey } = form.dataset;
        const publicKey = read(options ? JSON.parse(options) : await ask(path));
        const credential = await navigator.credentials[passkey]({ publicKey });
        const field = form.dataset.field || "credential";
        form.elements.namedItem(field).value = written(credential);
        form.submit();
      } catch (error) {
        said.textContent = error.refused || form.dataset.broken;
        said.hidden = false;
      }
    });
  }
})();
