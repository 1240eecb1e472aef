// An agent's page: the transcript grows at its end and the page follows; what is written to it may be a command.

import { command, tell } from "./compose.js";
import { call } from "./live.js";
import "./look.js";
import { stick } from "./sticky.js";

stick(null, ".line");

const name = document.getElementById("page").dataset.subject;
const done = async (verb) => {
  const told = await call(`/api/agents/${name}/${verb}`, {});
  return told.already ? "already so" : "queued: the head of the page shows how it goes";
};

command("/help", "what can be typed here", () => {
  return "/cancel interrupts the turn · /start, /stop, /restart, /rebuild · /clear takes old turns off this page";
});
command("/cancel", "interrupt the running turn", async () => {
  const told = await call(`/api/agents/${name}/interrupt`, {});
  return told.already ? "it was asked before" : `turn ${told.turn} is asked to stop`;
});
for (const verb of ["start", "stop", "restart", "rebuild"]) command(`/${verb}`, `${verb} the agent`, () => done(verb));
command("/clear", "take old turns off this page", () => {
  const turns = [...document.querySelectorAll("#turns > .turn")];
  turns.slice(0, -1).forEach((turn) => turn.remove());
  return "older turns are off this page; load it again to have them back";
});
tell("");
