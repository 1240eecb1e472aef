// Makes an element as a fresh one is, in place: what stands as it stood is not touched, so typing, focus, selection,
// scroll and open folds stay. Children are matched by id, others by their kind and order.

/** Brings `old` to what `fresh` is; `fresh` must not be used afterwards. */
export function morph(old, fresh) {
  if (old.isEqualNode(fresh) || old.dataset?.keep !== undefined) return;
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh);
    return;
  }
  attributes(old, fresh);
  children(old, fresh);
}

function attributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  // A field that somebody has typed in keeps what was typed: attributes are only what it began with.
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function children(old, fresh) {
  const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  const stays = new Set([...fresh.children].filter((child) => child.id).map((child) => child.id));
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const match = child.id ? named.get(child.id) : at && alike(at, child) ? at : null;
    // What has gone in front of a match goes first: the match is not moved then, which would take the focus from it.
    while (match && at && at !== match && !stays.has(at.id)) at = removed(at);
    if (!match) old.insertBefore(child, at);
    else {
      const next = at?.nextSibling;
      if (match === at) at = next;
      else old.insertBefore(match, at);
      if (match.nodeType === Node.ELEMENT_NODE) morph(match, child);
      else if (match.data !== child.data) match.data = child.data;
    }
  }
  while (at) at = removed(at);
}

/** Takes a node away; gives back the one after it. */
function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function alike(one, other) {
  return !one.id && one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}
