// What a fold shows is fetched when it is opened for the first time, and again when another base is chosen.

import { tell } from "./live.js";

async function load(into, path) {
  into.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(path, { headers: { Accept: "text/html" } });
    const text = await answer.text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    into.replaceChildren(...fresh.querySelector("main").childNodes);
  } catch {
    tell("it could not be loaded: the connection is lost");
  }
  into.removeAttribute("aria-busy");
}

document.addEventListener("toggle", (event) => {
  const fold = event.target;
  if (!fold.open || !fold.dataset.load || fold.dataset.loaded !== undefined) return;
  fold.dataset.loaded = "";
  load(fold.querySelector(".loaded"), fold.dataset.load);
}, true);

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-look]");
  const into = link?.closest("[data-keep]");
  if (!into) return;
  event.preventDefault();
  load(into, link.dataset.look);
});
