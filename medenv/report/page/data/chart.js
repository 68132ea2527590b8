// The chart before and after what the agent wrote.
const CHANGE_WORDS = { create: "created", update: "updated", delete: "deleted" };

function resourcesIn(value, found = new Map()) {
  if (value === null || typeof value !== "object") return found;
  if (typeof value.resourceType === "string" && typeof value.id === "string" && value.resourceType !== "Bundle") {
    const key = `${value.resourceType}/${value.id}`;
    if (!found.has(key)) found.set(key, value);
    return found;
  }
  for (const one of Object.values(value)) resourcesIn(one, found);
  return found;
}

// The versions that responses showed before the first write of a resource.
function seenBefore(t) {
  const seen = new Map();
  for (const turn of t.turns) {
    if (turn.method !== "GET" || !turn.observation) continue;
    try {
      for (const [key, one] of resourcesIn(JSON.parse(turn.observation))) if (!seen.has(key)) seen.set(key, one);
    } catch {
      // a response in words
    }
  }
  return seen;
}

function differences(before, after, path = "", out = []) {
  const inner = (one) => one !== null && typeof one === "object";
  if (inner(before) && inner(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (path === "" && (name === "meta" || name === "text")) continue;
      differences(before[name], after[name], path ? `${path}.${name}` : name, out);
    }
  } else if (JSON.stringify(before) !== JSON.stringify(after)) out.push([path, before, after]);
  return out;
}

const asJson = (value) => (value === undefined ? "" : JSON.stringify(value));

function changeCard(change, seen, label) {
  const key = `${change.type}/${change.id}`;
  const before = change.kind === "create" ? null : seen.get(key);
  const out = el("div", { class: "change" });
  const kind = el("span", { class: `pill ${change.kind === "delete" ? "bad" : change.kind === "create" ? "good" : "odd"}` }, CHANGE_WORDS[change.kind] || plain(change.kind));
  out.append(el("p", {}, kind, " ", el("span", { class: "iso" }, shown(resourceLine(change.stored || {}) || key))));
  const none = change.kind === "create" ? "There was no such resource." : "No response of this episode showed it before it was written.";
  const first = before ? tree(before, JSON.stringify(before, null, 2), `${label} before`) : el("p", { class: "soft" }, none);
  const then = change.stored
    ? tree(change.stored, JSON.stringify(change.stored, null, 2), `${label} after`)
    : el("p", { class: "soft" }, "It is deleted.");
  out.append(el("div", { class: "sides" }, el("div", {}, el("h4", {}, "Before"), first), el("div", {}, el("h4", {}, "After"), then)));
  if (before && change.stored) {
    const rows = differences(before, change.stored).map(([path, old, now]) =>
      el("tr", {}, el("td", {}, plain(path)), el("td", { class: "gone" }, shown(asJson(old))), el("td", { class: "new" }, shown(asJson(now)))));
    const head = el("tr", {}, el("th", { scope: "col" }, "element"), el("th", { scope: "col" }, "before"), el("th", { scope: "col" }, "after"));
    if (rows.length) out.append(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${label}, what changed` }, el("table", { class: "diff" }, el("thead", {}, head), el("tbody", {}, rows))));
  }
  if (change.submitted) out.append(fold("As the agent sent it", () => jsonOrText(change.submitted, `${label}, as sent`)));
  return out;
}

function factsTable(facts) {
  const rows = facts.map((one) => [one.effectiveDateTime, one.valueQuantity ? `${one.valueQuantity.value} ${one.valueQuantity.unit ?? ""}` : one.valueString ?? "", one.id]);
  rows.sort((one, other) => String(other[0]).localeCompare(String(one[0])));
  const head = el("tr", {}, ["time", "value", "id"].map((name) => el("th", { scope: "col" }, name)));
  const body = rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, shown(String(cell ?? ""))))));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values in the chart before" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

function chartSection(t) {
  const out = el("section", { class: "card" }, el("h3", {}, "Chart before and after"));
  const seen = seenBefore(t);
  if (!t.changes.length) out.append(el("p", { class: "soft" }, "Nothing was written: the chart is as it was."));
  t.changes.forEach((change, at) => out.append(changeCard(change, seen, `Change ${at + 1}`)));
  const facts = t.facts;
  if (Array.isArray(facts) && facts.length && facts.every((one) => one && one.effectiveDateTime)) {
    out.append(fold(`The values that the task is about, as the chart had them before: ${facts.length}`, () => factsTable(facts)));
  } else if (facts && Object.keys(facts).length) {
    out.append(fold("What the chart held before, as the grader read it", () => tree(facts, JSON.stringify(facts, null, 2), "Chart before")));
  }
  return out;
}

// The changes that a turn's write led to: those of which it sent the payload.
function changesOf(turn, t) {
  if (turn.method !== "POST" || !turn.observation) return [];
  let stored;
  try {
    stored = resourcesIn(JSON.parse(turn.observation));
  } catch {
    return [];
  }
  return t.changes.filter((one) => stored.has(`${one.type}/${one.id}`) || (one.submitted && turn.text.includes(one.submitted)));
}
