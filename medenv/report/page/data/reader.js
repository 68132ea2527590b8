// The reader of one transcript.
const pill = (i) => {
  const name = verdictName(i);
  return el("span", { class: `pill v-${name}` }, `${GLYPHS[name]} ${VERDICT_WORDS[name]}`);
};

function requestLine(turn, t) {
  const out = el("p", { class: "request" });
  const [path, query] = (turn.url ?? "").split(/\?(.*)/s);
  out.append(el("b", {}, turn.method), " ", shown(decoded(path) || "(base)"));
  for (const part of query ? query.split("&") : []) {
    if (part === "_format=json") continue;
    out.append(" ", el("span", { class: "param iso" }, shown(decoded(part.replaceAll("+", " ")))));
  }
  if (t.protocol === "tools") for (const [name, text] of turn.calls || []) out.append(el("br"), el("span", { class: "soft" }, "call "), shown(`${name}(${text})`));
  return out;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function turnCard(turn, at, t, chosen) {
  const card = el("section", { class: `card turn${chosen ? " now" : ""}`, "data-turn": at + 1 });
  const title = { get: "Read", post: "Write", finish: "Answer", invalid: "Invalid action" }[turn.kind] || plain(turn.kind);
  const head = el("h3", {}, `${at + 1}. ${title}`);
  if (turn.status) head.append(el("span", { class: `pill ${turn.status < 300 ? "good" : "bad"}` }, `HTTP ${turn.status}`));
  else if (turn.kind === "invalid") head.append(el("span", { class: "pill bad" }, "not sent"));
  const used = usageText(turn.usage);
  if (used) head.append(el("span", { class: "soft" }, used));
  card.append(head);
  if (turn.reasoning) card.append(fold("What the model thought", () => el("div", { class: "thought say" }, shown(turn.reasoning))));
  if (turn.method) card.append(requestLine(turn, t));
  const body = turn.kind === "post" ? turn.text.split(/\n(.*)/s)[1] : null;
  if (body) card.append(fold("What was sent", () => jsonOrText(body, `Body of turn ${at + 1}`), true));
  const asWritten = () => el("pre", { tabindex: "0", role: "region", "aria-label": `Reply ${at + 1} as written` }, shown(turn.text || "(empty)"));
  if (turn.kind === "finish" || turn.kind === "invalid" || !turn.method) card.append(asWritten());
  else card.append(fold("The reply as written", asWritten));
  if (turn.observation !== undefined && turn.observation !== null) {
    const size = turn.observation.length;
    card.append(fold(`Response, ${size.toLocaleString("en")} characters${briefOf(turn.observation)}`, () => jsonOrText(turn.observation, `Response ${at + 1}`)));
  }
  const changes = changesOf(turn, t);
  if (changes.length) {
    card.append(fold("The chart before and after this order", () => {
      const seen = seenBefore(t);
      return el("div", {}, changes.map((one, number) => changeCard(one, seen, `Turn ${at + 1}, change ${number + 1}`)));
    }));
  }
  return card;
}

function briefOf(text) {
  const match = /"total"\s*:\s*(\d+)/.exec(text.slice(0, 400));
  return match ? ` (total ${match[1]})` : "";
}

function usageText(usage) {
  if (!usage) return "";
  const parts = [];
  if (Number.isFinite(usage.prompt_tokens)) parts.push(`${usage.prompt_tokens.toLocaleString("en")} + ${(usage.completion_tokens ?? 0).toLocaleString("en")} tokens`);
  if (Number.isFinite(usage.cost)) parts.push(`$${usage.cost.toFixed(4)}`);
  return parts.join(", ");
}

function checksSection(t, i) {
  const out = el("section", { class: "card" });
  const verdict = t.verdict;
  out.append(el("h3", {}, verdict ? `Verdict by the grader ${plain(verdict.grader)}: ${verdict.score}` : "Verdict"));
  if (t.error) out.append(el("p", { class: "say" }, shown(t.error)));
  if (!verdict) {
    out.append(el("p", { class: "soft" }, verdictName(i) === "error" ? "The infrastructure failed, so this episode is in no score." : "This episode was not graded."));
    return out;
  }
  if (verdict.category) out.append(el("p", {}, "Failure: ", el("span", { class: "pill bad" }, plain(verdict.category))));
  const rows = verdict.checks.map((check) =>
    el("tr", {},
      el("td", {}, el("span", { class: `pill ${check.passed ? "good" : "bad"}` }, check.passed ? "✓ pass" : "✗ FAIL"), " ", shown(check.name)),
      el("td", { class: "say", "data-name": check.expected ? "expected" : null }, shown(check.expected)),
      el("td", { class: "say", "data-name": check.found ? "found" : null }, shown(check.found))));
  const head = el("tr", {}, ["check", "expected", "found"].map((one) => el("th", { scope: "col" }, one)));
  out.append(el("table", { class: "checks" }, el("thead", {}, head), el("tbody", {}, rows)));
  return out;
}

function sameSection(i, actions) {
  const others = byTask.get(taskKey(i));
  if (others.length < 2) return null;
  const shownOnes = others.slice(0, 60);
  const rows = shownOnes.map((one) => {
    const self = one === i;
    const again = data.runs.length > 1 && others.filter((x) => col.run[x] === col.run[one]).length === 1 ? "" : `, sample ${col.sample[one]}, seed ${col.seed[one]}`;
    const open = el("button", { type: "button", class: "link", onclick: () => actions.open(one) }, shown(runName(one) + again));
    const beside = el("button", { type: "button", class: "link", onclick: () => actions.beside(one), "aria-label": `Read ${plain(runName(one))}${again} side by side` }, "side by side");
    return el("tr", { class: self ? "self" : null },
      el("td", {}, self ? el("b", {}, shown(runName(one) + again)) : open),
      el("td", {}, pill(one)), el("td", {}, shown(col.failure[one] ?? "")), el("td", { class: "say" }, shown(col.answer[one] ?? "")),
      el("td", {}, String(col.turns[one])), el("td", {}, self ? "" : beside));
  });
  const head = el("tr", {}, ["run", "verdict", "failure", "answer", "turns"].map((one) => el("th", { scope: "col" }, one)), el("td", {}));
  const title = `The same task over ${new Set(others.map((one) => col.run[one])).size} run(s), ${others.length} episodes`;
  const make = () => el("div", {},
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The same task over runs" }, el("table", { class: "same" }, el("thead", {}, head), el("tbody", {}, rows))),
    others.length > shownOnes.length ? el("p", { class: "soft" }, `and ${others.length - shownOnes.length} more; the list shows them all for this task id`) : null);
  return el("section", { class: "card" }, fold(title, make, true));
}

function taskSection(t) {
  const out = el("section", { class: "card" }, el("h3", {}, "Task"), el("p", { class: "say" }, shown(t.instruction)));
  if (t.context) out.append(fold("Context that the agent is told", () => el("p", { class: "say" }, shown(t.context))));
  if (t.system) out.append(fold("System message", () => el("pre", { tabindex: "0", role: "region", "aria-label": "System message" }, shown(t.system))));
  out.append(fold("The whole prompt", () => el("pre", { tabindex: "0", role: "region", "aria-label": "Prompt" }, shown(t.prompt))));
  return out;
}

// Fills a transcript's column; `turn` is the one to go to, from 1.
async function readInto(box, i, turn, actions, side) {
  const t = await transcriptOf(i);
  const name = data.types[col.type[i]] || "";
  const head = el("div", { class: "top" },
    el("h2", {}, shown(`${col.task[i]} `), el("span", { class: "soft" }, plain(name))), pill(i));
  const line = [runName(i), col.model[i] === runName(i) ? null : col.model[i], `split ${col.split[i]}`, col.branch[i] ? `branch ${col.branch[i]}` : null, `sample ${col.sample[i]}`, `seed ${col.seed[i]}`, col.status[i], `${col.turns[i]} of ${t.max_turns} turns`, t.mrn ? `patient ${t.mrn}` : null];
  const button = (text, act) => el("button", { type: "button", onclick: act }, text);
  const tools = el("div", { class: "tools" },
    side ? button("Close this side", actions.close) : button("Back to the list", actions.back),
    button("Open all responses", () => openFolds(box, true)), button("Fold all", () => openFolds(box, false)),
    side ? button("Read this alone", () => actions.open(i)) : button("Copy link", actions.copy));
  if (!side) tools.firstChild.classList.add("back");
  const origin = Object.entries(t.origin).map(([key, value]) => el("tr", {}, el("th", { scope: "row" }, key), el("td", { class: "say" }, shown(String(value)))));
  box.replaceChildren(head,
    el("p", { class: "facts-line" }, line.filter(Boolean).flatMap((one, at) => [at ? " · " : "", el("bdi", {}, shown(one))])),
    tools);
  const parts = [taskSection(t), checksSection(t, i), ...t.turns.map((one, at) => turnCard(one, at, t, turn === at + 1)), chartSection(t), sameSection(i, actions),
    el("section", { class: "card" }, fold("Where it is from", () => el("table", {}, el("tbody", {}, el("tr", {}, el("th", { scope: "row" }, "line"), el("td", {}, `${col.line[i]} of the run's trajectories.jsonl`)), origin))))];
  box.append(...parts.filter(Boolean));
  box.scrollTop = 0;
  if (turn) goToTurn(box, turn);
}

const openFolds = (box, on) => {
  for (const one of box.querySelectorAll(".turn details.fold")) one.open = on;
};

function goToTurn(box, turn) {
  for (const card of box.querySelectorAll(".turn")) card.classList.toggle("now", Number(card.dataset.turn) === turn);
  const card = box.querySelector(".turn.now");
  if (card) box.scrollTop = card.offsetTop - 12;
}
