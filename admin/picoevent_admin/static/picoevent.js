// Small comforts on top of pages that work without them: keys, and a button that copies an id.
"use strict";

const PAGES = { e: "/events/", t: "/event-types/" };
const GO_MS = 1000;
let goPressed = -Infinity;

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && isTyping(event.target)) {
    event.target.blur();
    return;
  }
  if (isTyping(event.target)) return;
  const first = document.querySelector("[data-first-field]");
  if (event.key === "/" && first) {
    event.preventDefault();
    first.focus();
    first.select();
  } else if (event.key === "g") {
    goPressed = event.timeStamp;
    return;
  } else if (event.timeStamp - goPressed < GO_MS && Object.hasOwn(PAGES, event.key) && document.querySelector("nav[aria-label=Pages]")) {
    location.assign(PAGES[event.key]);
  }
  goPressed = -Infinity;
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(source.textContent);
  } else {
    // Browsers offer the clipboard over HTTPS and on this machine only; elsewhere a selection does it.
    getSelection().selectAllChildren(source);
    document.execCommand("copy");
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

document.addEventListener("keydown", onKey);
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
