// A file that is dropped onto the page, or picked, is sent at once, and one sees how far it is.
// Without this file the form sends it as any form does.
"use strict";

for (const form of document.querySelectorAll("form.drop")) {
  const input = form.querySelector("input[type=file]");
  const sending = form.querySelector(".sending");
  const wrong = form.querySelector(".wrong");

  const say = (words) => {
    wrong.textContent = words;
    wrong.hidden = !words;
    sending.hidden = Boolean(words);
  };

  const send = () => {
    const file = input.files[0];
    if (!file || form.dataset.busy) return;
    say("");
    if (file.size > Number(form.dataset.most)) {
      say(form.dataset.large);
      return;
    }
    form.dataset.busy = "yes";
    sending.querySelector(".file-name").textContent = file.name;
    const request = new XMLHttpRequest();
    const failed = (words) => {
      delete form.dataset.busy;
      input.value = "";
      say(words || form.dataset.failed);
    };
    request.upload.addEventListener("progress", (event) => {
      const share = Math.floor((100 * event.loaded) / event.total);
      sending.querySelector("progress").value = share;
      sending.querySelector(".share").textContent = `${share} %`;
    });
    request.addEventListener("error", () => failed(""));
    request.addEventListener("load", () => {
      const next = request.getResponseHeader("HX-Redirect");
      if (next) {
        window.location.assign(next);
        return;
      }
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      failed(answer.querySelector(".notice")?.textContent ?? "");
    });
    request.open("POST", form.action);
    request.setRequestHeader("HX-Request", "true");
    request.setRequestHeader("X-CSRF-Token", form.querySelector("[name=csrf]").value);
    request.send(new FormData(form));
  };

  input.addEventListener("change", send);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) form.classList.remove("over");
  });
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      send();
    }
  });
}
