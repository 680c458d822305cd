// What htmx needs to know, and the few things that HTML cannot do by itself. Every page works
// without this file, but for what moves by itself.
"use strict";

// Folded away on a phone, open beside the page on a desk.
const menu = document.querySelector(".menu > details");
if (menu) {
  const wide = window.matchMedia("(min-width: 54.01rem)");
  const follow = () => { menu.open = wide.matches; };
  wide.addEventListener("change", follow);
  follow();
}

// An act that cannot be taken back is asked about once more.
document.addEventListener("submit", (event) => {
  const words = event.target.getAttribute("data-sure");
  if (words && !window.confirm(words)) {
    event.preventDefault();
  }
});

// A form is sent once, however often somebody presses the button.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  window.setTimeout(() => { delete form.dataset.sent; }, 8000);
});
