// A ready text is put into the letter; what is written there already is asked about first.
"use strict";

for (const choice of document.querySelectorAll("select[data-fills]")) {
  const letter = document.getElementById(choice.dataset.fills);
  let filled = letter.value;
  choice.addEventListener("change", () => {
    if (letter.value !== filled && letter.value.trim() && !window.confirm(choice.labels[0].textContent + "?")) {
      return;
    }
    letter.value = filled = choice.value;
    letter.focus();
  });
}
