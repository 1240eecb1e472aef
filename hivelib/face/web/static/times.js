// Says how long something still has, while somebody looks.

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });

function show() {
  for (const time of document.querySelectorAll("time[data-until]")) {
    const left = Number(time.dataset.until) - Date.now() / 1000;
    const [size, unit] = UNITS.find(([length]) => left >= length) ?? [1, "second"];
    time.title ||= time.textContent;
    time.textContent = left > 0 ? words.format(Math.floor(left / size), unit) : "now";
  }
}

let timer = 0;
function tick() {
  clearInterval(timer);
  if (document.hidden) return;
  show();
  timer = setInterval(show, 20000);
}
document.addEventListener("visibilitychange", tick);
tick();

/** Says it for what was added just now too. */
export { show };
