// Keeps the page as the server's rows are: patches over one event stream, resumed by id, reset by a new snapshot.
// Only elements with an id that the server names are changed, and only where they differ (morph.js).

import { morph } from "./morph.js";
import { span } from "./spans.js";

const page = document.getElementById("page");
if (!page) await new Promise(() => {}); // the hive could not be read: the page says why, and nothing of it is there
const sign = document.getElementById("live");
const RETRY_FIRST = 1000, RETRY_MOST = 30000;
let at = page.dataset.at;
let source = null;
let retry = RETRY_FIRST;
let timer = 0;
let lostAt = 0;
let counting = 0;
let queued = [];
let reached = at;
let frame = 0;
let hears = false;
const afterPatches = [];
const hearers = [];

/** Calls `look` after each change of the page, with the elements that were added. */
export function onPatched(look) { afterPatches.push(look); }

/** Calls `look` with the patches as they come, drawn or not. */
export function onHeard(look) { hearers.push(look); }

/** Whether what comes is also heard while nobody looks at this tab; it is drawn when somebody does. */
export function hearHidden(whether) {
  hears = whether;
  if (document.hidden) refresh();
}

function element(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

/** Puts a child in its place among its siblings, which are ordered by `data-n`; none before a full window. */
function insert(into, child) {
  const number = Number(child.dataset.n);
  let before = into.lastElementChild;
  while (before && Number(before.dataset.n) > number) before = before.previousElementSibling;
  if (before) before.after(child);
  else if (into.dataset.window && into.firstElementChild) return false;
  else into.prepend(child);
  const most = Number(into.dataset.window || 0);
  while (most && into.childElementCount > most) into.firstElementChild.remove();
  return true;
}

function apply(patches) {
  const added = [];
  const focused = document.activeElement;
  const section = focused?.closest("section");
  for (const patch of patches) {
    const old = document.getElementById(patch.id);
    if (patch.html === null) old?.remove();
    else if (old) { if (!patch.once) morph(old, element(patch.html)); }
    else if (patch.into) {
      const into = document.getElementById(patch.into);
      const fresh = element(patch.html);
      if (into && insert(into, fresh)) added.push(fresh);
    }
  }
  // Who worked with the keyboard on what is gone goes on in its section, and sees where that is.
  const heading = focused && !focused.isConnected && section?.querySelector("h2[tabindex]");
  if (heading) {
    heading.focus({ preventScroll: true });
    heading.scrollIntoView({ block: "nearest" });
  }
  return added;
}

/** All of the page anew, when what came in between cannot be told. */
async function snapshot() {
  close();
  let fresh;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (answer.status === 401) return over();
    const text = await answer.text(); // may end before its end
    fresh = answer.ok && new DOMParser().parseFromString(text, "text/html").getElementById("page");
  } catch { /* as if there were none */ }
  if (!fresh) return later();
  at = fresh.dataset.at;
  morph(page, document.adoptNode(fresh));
  afterPatches.forEach((look) => look([]));
  open();
}

/** Brings the page to where the stream is: once for each picture that the screen shows, however much came meanwhile. */
function draw() {
  frame = 0;
  const newest = new Map();
  for (const patch of queued) {
    const before = newest.get(patch.id);
    if (before && !patch.once) newest.delete(patch.id); // drawn in the order of the last ones
    if (!before || !patch.once) newest.set(patch.id, patch);
  }
  queued = [];
  at = reached;
  const added = apply(newest.values());
  afterPatches.forEach((look) => look(added));
}

function open() {
  close();
  if (document.hidden && !hears) return;
  source = new EventSource(`${page.dataset.events}?after=${encodeURIComponent(at)}`);
  source.onopen = () => { retry = RETRY_FIRST; lostAt = 0; say("live", true); };
  source.onmessage = (message) => {
    const { patches } = JSON.parse(message.data);
    hearers.forEach((look) => look(patches));
    if (document.hidden) return; // who comes back is given it again, from what was drawn on
    queued.push(...patches);
    reached = message.lastEventId;
    frame ||= requestAnimationFrame(draw);
  };
  source.addEventListener("reset", snapshot);
  source.onerror = () => {
    lost();
    if (source?.readyState === EventSource.CLOSED) later();
  };
}

function close() {
  if (frame) {
    cancelAnimationFrame(frame);
    draw();
  }
  clearTimeout(timer);
  source?.close();
  source = null;
}

/** Says since when, and to who looks for how long already; a screen reader is told the first only, and once. */
function lost() {
  if (counting) return;
  lostAt ||= Date.now();
  say(`connection lost at ${new Date(lostAt).toTimeString().slice(0, 8)}`, false);
  if (document.hidden) return;
  const ago = document.createElement("span");
  ago.ariaHidden = "true";
  sign.append(ago);
  counting = setInterval(() => { ago.textContent = `, ${span((lostAt - Date.now()) / 1000)}`; }, 1000);
}

/** The browser gave up: the server answered with an error. Asks it for a snapshot, which also tells why. */
function later() {
  close();
  lost();
  timer = setTimeout(snapshot, retry);
  retry = Math.min(retry * 2, RETRY_MOST);
}

function over() {
  close();
  lostAt = 0;
  say("logged out: run hive-dashboard-url", false);
}

const told = document.getElementById("told");
let toldUntil = 0;

/** Says why something was not done, for a while. */
export function tell(words) {
  told.textContent = words;
  told.hidden = false;
  clearTimeout(toldUntil);
  toldUntil = setTimeout(() => { told.hidden = true; }, 15000);
}

/** Shows in the head of the page how things are. */
export function say(words, good) {
  clearInterval(counting);
  counting = 0;
  if (sign.textContent !== words) sign.textContent = words; // a screen reader says it each time it is set
  sign.classList.toggle("good", good);
  sign.classList.toggle("lost", !good);
}

// A tab that nobody sees draws nothing and holds no connection (browsers allow six to one host), unless it notifies.
function refresh() {
  if (document.hidden && !hears) close();
  else open();
  if (!lostAt) return;
  say("", false);
  lost();
}
document.addEventListener("visibilitychange", refresh);
open();

/** Sends a form's fields as JSON; gives back the answer, or throws its words. Of a name given twice it is a list. */
export function post(form) {
  const data = new FormData(form);
  const fields = [...new Set(data.keys())].map((name) => {
    const values = data.getAll(name);
    return [name, values.length > 1 ? values : values[0]];
  });
  return call(form.getAttribute("action"), Object.fromEntries(fields));
}

/** Sends fields as JSON; gives back the answer, or throws its words. */
export async function call(path, fields) {
  const body = JSON.stringify(fields);
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body })
    .catch(() => { throw new Error("the hive does not answer; try again when the page is live"); });
  const told = await answer.json().catch(() => ({ error: `the server said ${answer.status}` }));
  if (!answer.ok) throw new Error(told.hint ? `${told.error}; ${told.hint}` : told.error);
  return told;
}

// Small forms: what they do comes back as a patch.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("quiet" in form.dataset)) return;
  event.preventDefault();
  once(form, async () => {
    try {
      await post(form);
      form.reset();
      told.hidden = true;
      shut(form.closest(".menu") ?? form.closest(".confirm, .ask"));
    } catch (error) {
      tell(error.message);
    }
  });
});

/** Closes a menu whose work is done; who was in it is at its button again. */
function shut(menu) {
  if (!menu) return;
  if (menu.contains(document.activeElement)) menu.querySelector("summary").focus({ preventScroll: true });
  menu.open = false;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") shut(document.activeElement.closest(".menu[open]"));
});

// What sticks below the head of the page sticks below all of it, however many lines it takes.
const head = document.querySelector(".top");
new ResizeObserver(() => document.documentElement.style.setProperty("--head", `${Math.floor(head.getBoundingClientRect().height)}px`)).observe(head);

const busy = new WeakSet();

/** Does `work` unless it is being done for this form. Its button is not disabled, for that would take the focus away. */
export async function once(form, work) {
  if (busy.has(form)) return;
  busy.add(form);
  const button = form.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  await work();
  button.removeAttribute("aria-disabled");
  busy.delete(form);
}
