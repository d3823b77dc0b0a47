// What scripts add: parts of a page that renew themselves, and keys. Without them every page works all the same.
"use strict";

// Parts marked with `data-live` are read again every so many seconds, unless somebody is in the midst of them.
function renew(part) {
  setTimeout(async () => {
    const busy = document.hidden || part.contains(document.activeElement) || !getSelection().isCollapsed;
    if (!busy) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (answer.redirected) return location.reload();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(part.id);
        for (const one of part.querySelectorAll("details[open][id]")) {
          fresh?.querySelector(`#${CSS.escape(one.id)}`)?.setAttribute("open", "");
        }
        if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
        part.classList.remove("old");
      } catch {
        part.classList.add("old");
      }
    }
    renew(part);
  }, 1000 * Number(part.dataset.live));
}

// A key leads to what carries it in `data-key`.
function pressed(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input")) wanted.select();
  wanted.focus();
}

// One tick for all of a table.
function ticked(event) {
  const all = event.target.closest("[data-all]");
  if (!all) return;
  for (const box of document.querySelectorAll(`input[name="${CSS.escape(all.dataset.all)}"]`)) box.checked = all.checked;
}

// Ticks follow a role with `data-bounds`: what it cannot have is out of reach, and another role begins with all it can.
function bounded(role) {
  const boxes = document.querySelectorAll(`input[name="${CSS.escape(role.dataset.bounds)}"]`);
  const fit = (all) => {
    for (const box of boxes) {
      box.disabled = !box.dataset.roles.split(" ").includes(role.value);
      box.checked = !box.disabled && (all || box.checked);
    }
  };
  role.addEventListener("change", () => fit(true));
  fit(false);
}

// What is shown once is taken with one press.
function copied(button) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    field.select();
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
}

// What a form with `data-preview` would show is shown while somebody writes, a moment after the last letter.
function previewed(form) {
  let waits = 0;
  form.addEventListener("input", (event) => {
    if (!event.target.matches("textarea")) return;
    clearTimeout(waits);
    waits = setTimeout(async () => {
      const said = new URLSearchParams(new FormData(form));
      said.set("act", "check");
      const answer = await fetch(form.action, { method: "POST", body: said });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(form.dataset.preview);
      if (fresh) document.getElementById(form.dataset.preview).replaceChildren(...fresh.childNodes);
    }, 500);
  });
}

document.querySelectorAll("[data-live]").forEach(renew);
document.querySelectorAll("form[data-preview]").forEach(previewed);
document.querySelectorAll("[data-bounds]").forEach(bounded);
document.querySelectorAll("[data-copy]").forEach(copied);
document.addEventListener("keydown", pressed);
document.addEventListener("change", ticked);
const menu = document.querySelector(".menu");
const wide = matchMedia("(min-width: 60rem)");
if (menu) {
  const fit = () => { menu.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
}
