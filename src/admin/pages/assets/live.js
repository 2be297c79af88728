// Puts in the parts of the page that the server sends again. Without it a page shows what was so
// when it was loaded.
"use strict";

const main = document.querySelector("main[data-live]");
const state = document.getElementById("live-state");

// Parts that came while their place was in use, by id.
const waiting = new Map();

// Nothing is taken away from under somebody's hands: what they fill in, press or have marked to copy.
function isInUse(element) {
  const focused = document.activeElement;
  if (element.contains(focused) && focused.matches("input, select, textarea")) return true;
  const fields = element.querySelectorAll("input:not([type=hidden]), textarea");
  if ([...fields].some((field) => field.value !== field.defaultValue)) return true;
  const selection = getSelection();
  return element.matches(":active")
    || (!selection.isCollapsed && element.contains(selection.anchorNode));
}

// What in the new part stands for what had the focus: by its id, by where it leads, or by its place.
function counterpart(focused, present, next) {
  if (focused.id) return next.querySelector("#" + CSS.escape(focused.id));
  const all = (part) => [...part.querySelectorAll("a[href], button, summary")];
  const href = focused.getAttribute("href");
  const same = href && all(next).find((link) => link.getAttribute("href") === href);
  return same || all(next)[all(present).indexOf(focused)];
}

// Puts a part in the place of the element with its id; who was in it stays in it.
function put(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const next = template.content.firstElementChild;
  const present = next && document.getElementById(next.id);
  if (!present) return;
  if (isInUse(present)) {
    waiting.set(next.id, html);
    return;
  }
  waiting.delete(next.id);
  for (const open of present.querySelectorAll("details[open][id]")) {
    next.querySelector("#" + CSS.escape(open.id))?.setAttribute("open", "");
  }
  // After an interruption all parts come again; most are what they were.
  if (present.isEqualNode(next)) return;
  const focused = present.contains(document.activeElement) ? document.activeElement : null;
  const heir = focused && counterpart(focused, present, next);
  present.replaceWith(next);
  heir?.focus({ preventScroll: true });
}

setInterval(() => [...waiting.values()].forEach(put), 500);

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
  // Back by the browser's history, which kept the page as it was.
  addEventListener("pageshow", (event) => event.persisted && open());
  if (!document.hidden) open();
}
