
"use strict";
(() => {
  const form = document.getElementById("filters");
  const search = document.getElementById("search");
  const chosen = document.getElementById("set");
  const open = document.getElementById("open");
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const sets = [...document.querySelectorAll("section.set")];
  const tests = sets.flatMap((section, set) =>
    [...section.querySelectorAll(":scope > .test")].map((element) => ({ element, set, text: null }))
  );

  function fits(test, words, unwanted) {
    if (chosen.value !== "" && Number(chosen.value) !== test.set) return false;
    if (unwanted.has(test.element.dataset.status)) return false;
    if (words.length === 0) return true;
    test.text ??= test.element.textContent.toLowerCase();
    return words.every((word) => test.text.includes(word));
  }

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const unwanted = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    const counts = sets.map(() => 0);
    for (const test of tests) {
      const fit = fits(test, words, unwanted);
      test.element.classList.toggle("hidden", !fit);
      if (fit) counts[test.set] += 1;
    }
    const filtered = words.length > 0 || unwanted.size > 0 || chosen.value !== "";
    sets.forEach((section, set) => section.classList.toggle("hidden", filtered && counts[set] === 0));
    const total = counts.reduce((sum, count) => sum + count, 0);
    shown.textContent = filtered ? `${total} of ${tests.length}` : `${tests.length} tests`;
    none.hidden = !filtered || total > 0;
    label();
  }

  const visible = () => tests.filter((test) => !test.element.classList.contains("hidden"));

  function label() {
    open.textContent = visible().some((test) => !test.element.open) ? "Open all" : "Close all";
  }

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  open.addEventListener("click", () => {
    const opening = visible().some((test) => !test.element.open);
    for (const test of visible()) test.element.open = opening;
    label();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select")) {
      event.preventDefault();
      search.focus();
    }
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = visible().filter((test) => test.element.dataset.status === "failed" && !test.element.open);
    for (const test of opened) test.element.open = true;
  });
  addEventListener("afterprint", () => {
    for (const test of opened) test.element.open = false;
  });
  form.hidden = false;
  apply();
})();
