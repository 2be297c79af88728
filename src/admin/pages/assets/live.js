// Puts in the parts of the page that the server sends again. Without it a page shows what was so
// when it was loaded.
"use strict";

const main = document.querySelector("main[data-live]");
const state = document.getElementById("live-state");

// Puts a part in the place of the element with its id; who was in it stays in it.
function put(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const next = template.content.firstElementChild;
  const present = next && document.getElementById(next.id);
  if (!present) return;
  const focused = present.contains(document.activeElement) ? document.activeElement : null;
  // Nothing is taken away from under somebody's hands.
  if (focused && focused.matches("input, select, textarea")) return;
  const fields = present.querySelectorAll("input:not([type=hidden]), textarea");
  if ([...fields].some((field) => field.value !== field.defaultValue)) return;
  for (const open of present.querySelectorAll("details[open][id]")) {
    next.querySelector("#" + CSS.escape(open.id))?.setAttribute("open", "");
  }
  // After an interruption all parts come again; most are what they were.
  if (present.isEqualNode(next)) return;
  present.replaceWith(next);
  if (focused?.id) document.getElementById(focused.id)?.focus({ preventScroll: true });
}

function say(text, kind) {
  if (!state) return;
  state.textContent = text;
  state.dataset.kind = kind;
}

// On a phone the places of the navigation scroll sideways: the present one is to be seen.
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

if (main) {
  let source = null;
  const open = () => {
    if (source) return;
    source = new EventSource(main.dataset.live);
    source.addEventListener("open", () => say("live", "live"));
    source.addEventListener("part", (event) => put(event.data));
    source.addEventListener("error", () => {
      say("not live, asking again", "away");
      // An answer that is no stream ends it for good.
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 5000);
      }
    });
  };
  const close = () => {
    source?.close();
    source = null;
  };
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  if (!document.hidden) open();
}
