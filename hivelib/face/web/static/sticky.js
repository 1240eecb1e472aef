// Stays at the end of what grows, unless the reader has gone up: then a button says how much is new.

import { onPatched } from "./live.js";

const NEAR = 40;

/** Follows the end of `box` (an element that scrolls, or the page's own scroller). */
export function stick(box, counted) {
  const pill = document.getElementById("newer");
  const scroller = box ?? document.scrollingElement;
  let fresh = 0;
  let following = true;
  const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; };
  const show = () => {
    if (following) fresh = 0;
    pill.hidden = fresh === 0;
    pill.textContent = `${fresh} new ↓`;
  };
  (box ?? document).addEventListener("scroll", () => { following = atEnd(); show(); }, { passive: true });
  window.addEventListener("resize", () => { if (following) toEnd(); });
  pill.addEventListener("click", () => { following = true; toEnd(); show(); });
  onPatched((added) => {
    fresh += added.filter((child) => child.matches(counted)).length;
    if (following) toEnd();
    show();
  });
  if (!location.hash) toEnd();
  following = atEnd();
}
