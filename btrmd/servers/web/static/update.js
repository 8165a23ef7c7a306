/* Software update: sends the chosen bundle in pieces, so that neither side holds all of it. */
"use strict";
(() => {
  const input = document.getElementById("bundle");
  if (!input) return;
  const bar = document.getElementById("upload-bar");
  const text = document.getElementById("upload-text");
  const button = document.querySelector("#install button");
  const token = document.querySelector("#install input[name=csrf_token]").value;
  const piece = Number(input.dataset.piece);

  async function send(file, offset) {
    const answer = await fetch(`${input.dataset.api}?offset=${offset}&total=${file.size}`, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream", "X-CSRF-Token": token },
      body: await file.slice(offset, offset + piece).arrayBuffer(),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.reason || said.error || `status ${answer.status}`);
  }

  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return;
    if (file.size === 0 || file.size > Number(input.dataset.most)) {
      text.textContent = "This file is empty or too large for an update.";
      return;
    }
    input.disabled = button.disabled = true;
    bar.hidden = false;
    try {
      for (let offset = 0; offset < file.size; offset += piece) {
        text.textContent = `Uploading: ${Math.floor((100 * offset) / file.size)} %`;
        bar.value = offset / file.size;
        await send(file, offset);
      }
      text.textContent = `${file.name} is uploaded.`;
    } catch (error) {
      text.textContent = `The upload failed: ${error.message}`;
    }
    bar.hidden = true;
    input.disabled = button.disabled = false;
  });
})();
