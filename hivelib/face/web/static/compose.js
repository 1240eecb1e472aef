// The box in which a message is written: it sends without leaving the page, and keeps a draft until that was accepted.

import { complete } from "./complete.js";
import { once, post } from "./live.js";

const form = document.getElementById("compose");
const said = document.getElementById("said");
const { to, body, in_reply_to: reply, key } = form.elements;
const draft = `draft:${location.pathname}`;
const commands = new Map();

/** What a body that begins with a slash does instead of being sent: `run(words)` gives back what to say. */
export function command(name, text, run) { commands.set(name, { text, run }); }

/** Says something below the box. */
export function tell(words) { said.textContent = words; }

/** Begins an answer to a message. */
export function answer(recipient, number) {
  to.value = recipient;
  reply.value = number;
  form.scrollIntoView({ block: "nearest" });
  body.focus();
}

restore();
function restore() {
  const kept = JSON.parse(localStorage.getItem(draft) ?? "null");
  if (kept && !body.value) body.value = kept.body;
  if (reply && !reply.value) reply.value = kept?.reply ?? "";
  if (to.type !== "hidden" && !to.value) to.value = kept?.to || localStorage.getItem("recipient") || "";
}

function keep() {
  if (body.value) localStorage.setItem(draft, JSON.stringify({ body: body.value, to: to.value, reply: reply?.value }));
  else localStorage.removeItem(draft);
}

form.addEventListener("input", () => { tell(""); address(); keep(); });

/** A name that was written out at the beginning, and not chosen, is whom it is for, too. */
function address() {
  const [begun, value] = body.value.match(/^(@\S+)\s/) ?? [];
  const known = begun && to.type !== "hidden" && body.selectionStart === begun.length;
  if (!known || !names().some((one) => one.value === value)) return;
  to.value = value.slice(1);
  body.value = body.value.slice(begun.length);
  body.setSelectionRange(0, 0);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  once(form, send);
});

async function send() {
  const sent = body.value;
  try {
    const words = sent.trim().split(/\s+/);
    const known = commands.get(words[0]);
    if (known) tell(await known.run(words.slice(1)));
    else if (commands.size && /^\/[a-z-]+$/.test(words[0])) throw new Error(`no command ${words[0]}: /help lists them`);
    else {
      tell("sending…");
      const told = await post(form);
      tell(`sent as ${told.id}`);
      if (to.type !== "hidden") localStorage.setItem("recipient", to.value);
      if (reply && reply.type !== "hidden") reply.value = "";
    }
    key.value = crypto.randomUUID();
    if (body.value.startsWith(sent)) body.value = body.value.slice(sent.length); // the next one may be begun
    keep();
  } catch (error) {
    tell(error.message); // the text stays, and the same key sends it only once
  }
}

// Before the shortcut: while words are offered, Enter is theirs.
complete(body, offered, put);
function offered(before) {
  const begun = before.match(/(?:^|\s)([@/][a-z0-9*-]*)$/);
  if (!begun) return null;
  const from = before.length - begun[1].length;
  const isCommand = begun[1][0] === "/";
  if (isCommand && from > 0) return null;
  const all = isCommand ? [...commands].map(([value, { text }]) => ({ value, text })) : names();
  const words = all.filter(({ value }) => value.startsWith(begun[1]));
  return words.length && !(words.length === 1 && words[0].value === begun[1]) ? { from, words } : null;
}

function names() {
  return [...document.querySelectorAll("#recipients option")].map((one) => ({ value: `@${one.value}`, text: one.textContent }));
}

/** Puts a chosen word in; a name that the text begins with becomes whom it is for. */
function put(value, from) {
  const after = body.value.slice(body.selectionStart);
  const addressed = value[0] === "@" && from === 0 && to.type !== "hidden";
  if (addressed) to.value = value.slice(1);
  const before = body.value.slice(0, from) + (addressed ? "" : `${value} `);
  body.value = before + after.trimStart();
  body.setSelectionRange(before.length, before.length);
  keep();
}

body.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-reply]");
  if (!link) return;
  event.preventDefault();
  answer(link.dataset.to, link.dataset.reply);
});
