// The first page: the flow sticks to its end, a message can be written, folds load what they show.

import "./compose.js";
import "./look.js";
import { onPatched } from "./live.js";
import { stick } from "./sticky.js";
import { show } from "./times.js";

stick(document.getElementById("messages"), ".message");
onPatched(show);
if (document.getElementById("notices")) import("./notices.js"); // a spectator has nothing to be told of
