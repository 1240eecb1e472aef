// Offers words while somebody types in a field: a list below it, chosen with the arrows and Enter or Tab, or a click.

const MOST = 8;
let made = 0;

/**
 * Completes in `field`. `find(before)` is given the text before the cursor and gives back {from, words: [{value, text}]},
 * or null when there is nothing to complete; `pick(value, from)` puts the chosen word in.
 */
export function complete(field, find, pick) {
  const list = document.createElement("ul");
  list.id = `words-${++made}`;
  list.className = "completions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Completions");
  list.hidden = true;
  field.after(list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "false");
  let found = null;
  let chosen = 0;

  function show() {
    found = find(field.value.slice(0, field.selectionStart));
    const words = found ? found.words.slice(0, MOST) : [];
    list.replaceChildren(...words.map(item));
    list.hidden = words.length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
    choose(0);
  }

  function item(word, index) {
    const one = document.createElement("li");
    one.id = `${list.id}-${index}`;
    one.setAttribute("role", "option");
    one.textContent = word.value;
    if (word.text) {
      const more = document.createElement("span");
      more.className = "dim";
      more.textContent = ` ${word.text}`;
      one.append(more);
    }
    one.addEventListener("pointerdown", (event) => { event.preventDefault(); take(index); });
    return one;
  }

  function choose(index) {
    chosen = index;
    [...list.children].forEach((one, i) => one.setAttribute("aria-selected", String(i === index)));
    if (list.hidden) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `${list.id}-${index}`);
  }

  function take(index) {
    pick(found.words[index].value, found.from);
    hide();
  }

  function hide() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    choose(0);
  }

  field.addEventListener("input", show);
  field.addEventListener("blur", hide);
  field.addEventListener("keydown", (event) => {
    if (list.hidden || event.ctrlKey || event.metaKey || event.isComposing) return;
    const count = list.childElementCount;
    if (event.key === "ArrowDown") choose((chosen + 1) % count);
    else if (event.key === "ArrowUp") choose((chosen + count - 1) % count);
    else if (event.key === "Enter" || event.key === "Tab") take(chosen);
    else if (event.key === "Escape") hide();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
}
