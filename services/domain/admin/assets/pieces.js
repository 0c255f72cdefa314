// For scripts that send a file piece by piece; they follow in the same file.
"use strict";
const { post, sendPieces } = (() => {
  const PIECE = 48 * 1024;

  async function post(path, body, type) {
    const answer = await fetch(path, { method: "POST", body, headers: { "Content-Type": type } });
    const text = await answer.json();
    if (!answer.ok) {
      throw { refused: text.text || text.error };
    }
    return text;
  }

  // An empty file is one piece too: the box says what is wrong with it.
  async function sendPieces(folder, file, bar) {
    let next = 0;
    do {
      bar.value = next / Math.max(file.size, 1);
      const piece = file.slice(next, next + PIECE);
      next = (await post(folder + next, piece, "application/octet-stream")).next;
    } while (next < file.size);
    bar.value = 1;
  }

  return { post, sendPieces };
})();
