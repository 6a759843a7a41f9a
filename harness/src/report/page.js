"use strict";
const search = document.getElementById("search");
const passing = document.getElementById("passing");
const found = document.getElementById("found");
const tests = Array.from(document.querySelectorAll(".test"), (node) => ({
  node, text: (node.dataset.name + " " + node.textContent).toLowerCase(),
}));
function update() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { node, text } of tests) {
    const hit = words.every((word) => text.includes(word));
    node.classList.toggle("hidden", !hit);
    if (hit && (passing.checked || !node.classList.contains("good"))) count += 1;
  }
  document.body.classList.toggle("show-good", passing.checked);
  for (const module of document.querySelectorAll(".module")) {
    const shown = module.querySelector(passing.checked ? ".test:not(.hidden)" : ".test:not(.hidden):not(.good)");
    module.classList.toggle("hidden", words.length > 0 && !shown);
    if (words.length > 0 && shown) module.open = true;
  }
  found.textContent = count + " shown";
}
search.addEventListener("input", update);
passing.addEventListener("change", update);
update();
