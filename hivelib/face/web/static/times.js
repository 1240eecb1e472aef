// Says how long something still has, while somebody looks.

import { span } from "./spans.js";

function show() {
  for (const time of document.querySelectorAll("time[data-until]")) {
    const left = Number(time.dataset.until) - Date.now() / 1000;
    time.title ||= time.textContent;
    time.textContent = left > 0 ? span(left) : "now";
  }
}

let timer = 0;
function tick() {
  clearInterval(timer);
  if (document.hidden) return;
  show();
  timer = setInterval(show, 20000);
}
document.addEventListener("visibilitychange", tick);
tick();

/** Says it for what was added just now too. */
export { show };
