// The editor of a scenario: the letter follows what is typed, a call is spoken on request, and a
// mistake leads to its line. Without this file all three are a button or a link.
"use strict";

const editor = document.getElementById("editor");

// A fresh frame each time: what was shown before must not fill the history of the window.
function showLetter() {
  const button = editor.querySelector("[data-letter]");
  const frame = editor.querySelector(".letter-frame");
  const letter = editor.querySelector("#look [data-letter-digest]");
  const digest = letter ? letter.dataset.letterDigest : "";
  frame.closest("section").hidden = !digest;
  if (!digest || digest === frame.dataset.shows) return;
  const fresh = frame.cloneNode();
  fresh.dataset.shows = digest;
  frame.replaceWith(fresh);
  editor.requestSubmit(button);
}

async function speak(button) {
  const told = button.parentElement.querySelector("[data-voice-told]");
  const audio = button.closest("section").querySelector("audio");
  button.disabled = true;
  told.textContent = button.dataset.voice;
  try {
    const answer = await fetch(button.formAction, {
      method: "POST",
      headers: { "HX-Request": "true" },
      body: new URLSearchParams(new FormData(editor)),
    });
    if (answer.ok) {
      if (audio.src) URL.revokeObjectURL(audio.src);
      audio.src = URL.createObjectURL(await answer.blob());
      audio.hidden = false;
      told.textContent = "";
      audio.play().catch(() => {});
    } else {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      told.textContent = page.body.textContent.trim();
    }
  } catch {
    told.textContent = "—";
  }
  button.disabled = false;
}

editor.addEventListener("submit", (event) => {
  if (event.submitter && event.submitter.dataset.voice) {
    event.preventDefault();
    speak(event.submitter);
  }
});

editor.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  const lines = field.value.split("\n");
  const line = Math.min(Number(link.dataset.line) || 1, lines.length);
  const begin = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  field.focus();
  field.setSelectionRange(begin, begin + lines[line - 1].length);
});

// What has been typed is not lost by a wrong click.
let typed = false;
editor.addEventListener("input", () => { typed = true; });
editor.addEventListener("submit", (event) => {
  if (!event.submitter || !event.submitter.hasAttribute("formtarget")) typed = event.defaultPrevented && typed;
});
window.addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "look") showLetter();
});
showLetter();
