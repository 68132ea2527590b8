// A JSON value as a tree that is made as it is opened, with a search that opens the way to what it finds.
function summaryOf(value) {
  if (Array.isArray(value)) return `[${value.length}]`;
  if (value && typeof value === "object") return resourceLine(value) || `{${Object.keys(value).length}}`;
  return "";
}

// A FHIR resource in a few words: what it is, what about, which value, when.
function resourceLine(value) {
  const it = value.resource && typeof value.resource === "object" ? value.resource : value;
  if (typeof it.resourceType !== "string") return "";
  if (it.resourceType === "Bundle") return `Bundle, ${it.total ?? "?"} in all, ${it.entry?.length ?? 0} here`;
  const concept = it.code || it.medicationCodeableConcept || {};
  const what = concept.text || concept.coding?.[0]?.display || concept.coding?.[0]?.code;
  const number = it.valueQuantity ? `${it.valueQuantity.value ?? ""} ${it.valueQuantity.unit ?? ""}`.trim() : it.valueString;
  const when = it.effectiveDateTime || it.authoredOn || it.occurrenceDateTime || it.birthDate || it.performedDateTime;
  const name = it.name?.[0] ? [it.name[0].given?.join?.(" "), it.name[0].family].filter(Boolean).join(" ") : null;
  const parts = [`${it.resourceType}/${it.id ?? "?"}`, name, what, number, when];
  return parts.filter((one) => typeof one === "string" && one).join(" · ");
}

function leafOf(key, value) {
  const kind = typeof value === "string" ? "s" : "n";
  const found = el("div", { class: "leaf" });
  if (key !== null) found.append(el("span", { class: "k" }, plain(key)), ": ");
  found.append(el("span", { class: `${kind} iso` }, shown(typeof value === "string" ? JSON.stringify(value) : String(value))));
  return found;
}

function branchOf(key, value, open) {
  if (value === null || typeof value !== "object" || !Object.keys(value).length) {
    return leafOf(key, value !== null && typeof value === "object" ? (Array.isArray(value) ? "[]" : "{}") : value);
  }
  const head = el("summary", {});
  if (key !== null) head.append(el("span", { class: "k" }, plain(key)), " ");
  head.append(el("span", { class: "hint iso" }, shown(summaryOf(value))));
  const found = el("details", {}, head);
  found.fill = () => {
    if (found.childElementCount > 1) return;
    for (const [name, one] of Object.entries(value)) found.append(branchOf(name, one, false));
  };
  found.addEventListener("toggle", () => found.open && found.fill());
  if (open) {
    found.fill();
    found.open = true;
  }
  return found;
}

function holds(value, find) {
  if (value !== null && typeof value === "object") {
    return Object.entries(value).some(([name, one]) => name.toLowerCase().includes(find) || holds(one, find));
  }
  return String(value).toLowerCase().includes(find);
}

function openAlong(node, value, find, hits) {
  if (value === null || typeof value !== "object") return;
  node.fill?.();
  if (node.tagName === "DETAILS") node.open = true;
  const entries = Object.entries(value);
  const children = [...node.children].slice(1);
  entries.forEach(([name, one], at) => {
    const child = children[at];
    if (!child) return;
    const named = name.toLowerCase().includes(find) && Number.isNaN(Number(name));
    const leaf = one === null || typeof one !== "object";
    if (named || (leaf && String(one).toLowerCase().includes(find))) {
      child.classList.add("hit");
      hits.push(child);
    }
    if (!leaf && holds(one, find)) openAlong(child, one, find, hits);
  });
}

function openAll(node) {
  node.fill?.();
  if (node.tagName === "DETAILS") node.open = true;
  for (const child of node.children) if (child.tagName === "DETAILS") openAll(child);
}

// The tree with its own search; `text` is what it was parsed from.
function tree(value, text, label) {
  const out = el("div", {});
  const box = el("div", { class: "tree", tabindex: "0", role: "region", "aria-label": label });
  const raw = el("pre", { tabindex: "0", role: "region", "aria-label": `${label}, as text`, hidden: true });
  let root = branchOf(null, value, true);
  const openEntries = () => {
    const entry = root.children && [...root.children].find((one) => one.querySelector?.(":scope > summary .k")?.textContent === "entry");
    if (entry) {
      entry.fill();
      entry.open = true;
    }
  };
  box.append(root);
  openEntries();
  const told = el("span", { class: "soft", role: "status" });
  let hits = [];
  let at = -1;
  const search = () => {
    const find = input.value.trim().toLowerCase();
    box.replaceChildren((root = branchOf(null, value, true)));
    hits = [];
    at = -1;
    if (find) openAlong(root, value, find, hits);
    else openEntries();
    told.textContent = find ? `${hits.length} found` : "";
    step(1);
  };
  const step = (by) => {
    if (!hits.length) return;
    at = (at + by + hits.length) % hits.length;
    told.textContent = `${at + 1} of ${hits.length}`;
    const rect = hits[at].getBoundingClientRect();
    box.scrollTop += rect.top - box.getBoundingClientRect().top - 60;
  };
  const input = el("input", {
    type: "search",
    "aria-label": `Search in ${label}`,
    placeholder: "search here",
    oninput: search,
    onkeydown: (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        step(event.shiftKey ? -1 : 1);
      }
    },
  });
  const asText = el("button", { type: "button", class: "quiet", "aria-pressed": "false" }, "Text");
  asText.addEventListener("click", () => {
    const on = raw.hidden;
    if (on && !raw.firstChild) raw.append(shown(text));
    raw.hidden = !on;
    box.hidden = on;
    asText.setAttribute("aria-pressed", String(on));
  });
  const all = el("button", { type: "button", class: "quiet", onclick: () => openAll(root) }, "Open all");
  out.append(el("div", { class: "findbar" }, input, told, all, asText), box, raw);
  return out;
}

// A text that may be JSON: a tree if it is, the text if not.
function jsonOrText(text, label) {
  try {
    const value = JSON.parse(text);
    if (value !== null && typeof value === "object") return tree(value, text, label);
  } catch {
    // it is text
  }
  return el("pre", { tabindex: "0", role: "region", "aria-label": label }, shown(text));
}
