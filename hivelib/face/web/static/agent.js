// An agent's page: the transcript grows at its end, and the page follows.

import { stick } from "./sticky.js";

stick(null, ".line");
