// Tells through the browser what came for the operator while nobody looks at this tab: of each kind that is ticked,
// what was not there when the page was loaded. What is ticked stays in this browser.

import { hearHidden, onHeard, tell } from "./live.js";

const KINDS = { approvals: "a proposal waits", questions: "a question for you", mail: "mail for you" };
const MOST = 200; // characters of somebody's words
const menu = document.getElementById("notices");
const boxes = [...menu.querySelectorAll("input")];
const can = "Notification" in window;
const known = new Set([...document.querySelectorAll("#approvals > *, #questions > *, #mail > *")].filter(waits).map((one) => one.id));

/** A proposal that is being submitted or deployed waits for nobody. */
function waits(row) { return !row.classList.contains("approval-card") || row.querySelector(".look") !== null; }

const wanted = () => boxes.filter((box) => box.checked).map((box) => box.name);
const on = () => can && Notification.permission === "granted" && wanted().length > 0;

function keep() {
  localStorage.setItem("notices", JSON.stringify(wanted()));
  show();
}

function show() {
  menu.querySelector("summary").classList.toggle("on", on());
  menu.querySelector(".how").textContent = on() ? ": on" : ": off";
  hearHidden(on());
}

const kept = JSON.parse(localStorage.getItem("notices") ?? "[]");
for (const box of boxes) box.checked = kept.includes(box.name);
menu.hidden = !can;
show();

menu.addEventListener("change", async (event) => {
  const asked = event.target.checked ? await Notification.requestPermission() : "";
  if (event.target.checked && asked !== "granted") {
    event.target.checked = false;
    tell("this browser does not let the page notify you: its settings for this site say so");
  }
  keep();
});

onHeard((patches) => {
  for (const { id, html, into } of patches) {
    if (!html || !(into in KINDS) || known.has(id)) continue;
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const row = holder.content.firstElementChild;
    if (!waits(row)) continue;
    known.add(id);
    if (on() && wanted().includes(into) && (document.hidden || !document.hasFocus())) notify(into, row);
  }
});

function notify(kind, row) {
  const who = row.querySelector(".who")?.textContent.replace(/\s+/g, " ").trim() ?? "";
  const words = row.querySelector(".words, .body")?.textContent.trim() ?? "";
  const body = `${who}: ${words}`.slice(0, MOST);
  const told = new Notification(`hyperhive: ${KINDS[kind]}`, { body, tag: `${location.host}-${row.id}` });
  told.addEventListener("click", () => {
    window.focus();
    document.getElementById(row.id)?.scrollIntoView({ block: "center" });
    told.close();
  });
}
