// A page that moves by itself: its pieces (data-piece) are sent when they change. A window that
// nobody looks at does not listen.
"use strict";

const live = document.querySelector("[data-live]");
if (live && window.EventSource) {
  const state = document.getElementById("live-state");
  let source = null;
  let pause = 1000;

  const tell = (name) => {
    if (state) state.textContent = state.getAttribute(`data-${name}`) || "";
  };

  // What had the keyboard keeps it.
  const put = (piece, html) => {
    const links = () => [...piece.querySelectorAll("a, button, summary")];
    const place = piece.contains(document.activeElement) ? links().indexOf(document.activeElement) : -1;
    piece.innerHTML = html;
    const again = place >= 0 ? links()[place] : undefined;
    if (again) again.focus({ preventScroll: true });
  };

  const close = () => {
    if (source) source.close();
    source = null;
  };

  const listen = () => {
    if (source || document.hidden) return;
    source = new EventSource(live.dataset.live);
    source.onopen = () => { pause = 1000; tell("on"); };
    source.onerror = () => {
      tell("lost");
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        window.setTimeout(listen, pause);
        pause = Math.min(pause * 2, 30000);
      }
    };
    for (const piece of live.querySelectorAll("[data-piece]")) {
      source.addEventListener(piece.dataset.piece, (event) => put(piece, event.data));
    }
    source.addEventListener("over", () => { close(); tell("over"); });
    source.addEventListener("full", () => { close(); tell("full"); });
    source.addEventListener("out", () => { close(); window.location.reload(); });
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : listen()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", listen);
  listen();
}
