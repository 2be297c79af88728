// Puts what the server sends into the page. Without it, a page shows what was so when it was loaded.
"use strict";

const main = document.querySelector("main[data-live]");
const line = document.getElementById("line");
const said = document.getElementById("said");
const people = document.getElementById("people");

// Before whom a newcomer stands.
function next(name) {
  return [...people.children].find((other) => other.dataset.sort > name) ?? null;
}

function put(part) {
  const present = document.getElementById(part.id);
  if ("gone" in part.dataset) return present?.remove();
  if (!present) return people?.insertBefore(part, next(part.dataset.sort));
  const focused = present.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? [...present.querySelectorAll("a")].indexOf(focused) : -1;
  present.replaceWith(part);
  // Whoever was on a link of the old part is on the same one of the new.
  (focused?.id ? document.getElementById(focused.id) : part.querySelectorAll("a")[place])
    ?.focus({ preventScroll: true });
  if (part.dataset.title) document.title = part.dataset.title;
}

function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const words = new Set();
  for (const one of template.content.querySelectorAll("[data-say]")) words.add(one.dataset.say);
  for (const part of [...template.content.children]) put(part);
  if (words.size) said.textContent = [...words].join(". ");
}

function say(text, kind) {
  line.textContent = text;
  line.dataset.kind = kind;
}

let source = null;
let last = null;

function open() {
  if (source || document.hidden) return;
  const url = new URL(main.dataset.live, location.href);
  // After a pause, from where it stopped.
  if (last) url.searchParams.set("after", last);
  source = new EventSource(url);
  source.addEventListener("open", () => say("Live", "live"));
  source.addEventListener("parts", (event) => {
    last = event.lastEventId;
    show(event.data);
  });
  source.addEventListener("error", () => {
    say("Reconnecting …", "away");
    // An answer that is no stream ends it for good.
    if (source?.readyState === EventSource.CLOSED) {
      close();
      setTimeout(open, 5000);
    }
  });
}

function close() {
  source?.close();
  source = null;
}

// A page that nobody sees asks for nothing.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
open();
