// Puts a chosen file into the text field beside it; without a script its text is pasted there.
"use strict";
const chosen = document.getElementById("chosen");
const text = document.getElementById("file");
if (chosen && text && !text.readOnly) {
  chosen.parentElement.hidden = false;
  chosen.addEventListener("change", async () => {
    const file = chosen.files[0];
    if (file) text.value = await file.text();
  });
}
