/* Forms: says at once what the server would refuse, keeps live parts fresh, warns before logout. */
"use strict";
(() => {
  const REFRESH_MS = 2000;
  const WARN_MS = 120000;

  function wrong(input) {
    const { low, high, whole, most } = input.dataset;
    const text = input.value.trim();
    if (most !== undefined) return [...input.value].length > Number(most);
    if (low === undefined || text === "") return false; // the server knows whether it may be empty
    const shape = whole === undefined ? /^[+-]?(\d+\.?\d*|\.\d+)$/ : /^[+-]?\d+$/;
    if (text.toLowerCase() === "none") return false;
    return !shape.test(text) || Number(text) < Number(low) || Number(text) > Number(high);
  }

  for (const input of document.querySelectorAll("input[data-allowed], textarea[data-allowed]")) {
    input.addEventListener("change", () => {
      const error = document.getElementById(`${input.id}-error`);
      const isWrong = wrong(input);
      error.textContent = isWrong ? `Allowed is ${input.dataset.allowed}.` : "";
      error.hidden = !isWrong;
      input.closest(".field").classList.toggle("wrong", isWrong);
      if (isWrong) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", `${input.id}-help ${error.id}`);
      } else {
        input.removeAttribute("aria-invalid");
      }
    });
  }

  // An edited form is not left without a word.
  let isEdited = false;
  for (const form of document.querySelectorAll("form.settings")) {
    const mark = form.querySelector(".unsaved");
    if (form.dataset.edited !== undefined) isEdited = true;
    form.addEventListener("input", () => {
      isEdited = true;
      if (mark) mark.hidden = false;
    });
    form.addEventListener("submit", () => {
      isEdited = false;
    });
  }
  for (const link of document.querySelectorAll('a[href$="?forget=1"]')) {
    link.addEventListener("click", () => {
      isEdited = false;
    });
  }
  addEventListener("beforeunload", (event) => {
    if (isEdited) event.preventDefault();
  });

  const alert = document.getElementById("alert");
  if (alert) alert.focus();

  const parts = document.querySelectorAll("[data-refresh]");
  async function refresh() {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.pathname, { cache: "no-store", headers: { "X-Refresh": "1" } });
        if (answer.ok && !answer.redirected) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          for (const part of parts) {
            const next = fresh.getElementById(part.id);
            if (!next || part.contains(document.activeElement)) continue;
            if (part.innerHTML !== next.innerHTML) part.innerHTML = next.innerHTML;
          }
        }
      } catch {
        // No connection: what is shown stays, the next round asks again.
      }
    }
    setTimeout(refresh, REFRESH_MS);
  }
  if (parts.length) setTimeout(refresh, REFRESH_MS);

  const idle = Number(document.body.dataset.idle || 0) * 1000;
  if (idle && document.querySelector("form.settings")) {
    setTimeout(() => {
      const note = document.createElement("p");
      note.className = "message warn";
      note.setAttribute("role", "status");
      note.textContent = "Your login ends in 2 minutes unless you save or open a page.";
      document.querySelector("form.settings").prepend(note);
      setTimeout(() => {
        note.textContent = "Your login may have ended. Saving asks for it then; what you typed is kept, passwords are not.";
      }, Math.min(idle, WARN_MS));
    }, Math.max(idle - WARN_MS, 0));
  }
})();
