// The first page: the flow sticks to its end, and the compose box sends without leaving it.

import { onPatched, post } from "./live.js";
import { stick } from "./sticky.js";
import "./look.js";

const form = document.getElementById("compose");
const said = document.getElementById("said");
const { to, body, in_reply_to: reply, key } = form.elements;

stickToMessages();
function stickToMessages() {
  stick(document.getElementById("messages"), ".message");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.disabled) return;
  const sent = body.value;
  button.disabled = true;
  said.textContent = "sending…";
  try {
    const told = await post(form);
    said.textContent = `sent as ${told.id}`;
    key.value = crypto.randomUUID();
    reply.value = "";
    if (body.value === sent) body.value = "";
  } catch (error) {
    said.textContent = error.message; // the text stays, and the same key sends it only once
  }
  button.disabled = false;
});

body.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});
body.addEventListener("input", () => { said.textContent = ""; });

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-reply]");
  if (!link) return;
  event.preventDefault();
  to.value = link.dataset.to;
  reply.value = link.dataset.reply;
  form.scrollIntoView({ block: "nearest" });
  body.focus();
});
