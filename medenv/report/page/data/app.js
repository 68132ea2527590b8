// The page itself: what is shown stands in the address, and keys and clicks change it.
const state = { view: "episodes", episode: -1, beside: -1, turn: 0 };
let shownPair = "";

// What an empty address shows.
const firstView = () => (byId("tab-report").hidden ? "episodes" : "report");

function readAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const name of ["q", "branch", "failure"]) filters[name] = said.get(name) ?? "";
  filters.deep = said.get("deep") === "1";
  const run = data.runs.findIndex((one) => one.name === said.get("run"));
  filters.run = run < 0 ? "" : String(run);
  filters.type = /^\d+$/.test(said.get("type") ?? "") ? said.get("type") : "";
  const verdict = data.verdicts.indexOf(said.get("verdict") ?? "");
  filters.verdict = verdict < 0 ? "" : String(verdict);
  const view = said.get("view") ?? (said.toString() ? "episodes" : firstView());
  state.view = ["episodes", "tasks", "report"].includes(view) && !byId(`tab-${view}`).hidden ? view : "episodes";
  state.episode = said.has("episode") ? indexOfName(said.get("episode")) : -1;
  state.beside = said.has("beside") ? indexOfName(said.get("beside")) : -1;
  state.turn = Number.parseInt(said.get("turn") ?? "", 10) || 0;
  if (said.has("episode") && state.episode < 0) say("This page holds no such episode.");
}

function addressNow() {
  const said = new URLSearchParams();
  const put = (name, value) => value && said.set(name, value);
  put("q", filters.q);
  put("deep", filters.deep ? "1" : "");
  put("run", filters.run === "" ? "" : data.runs[Number(filters.run)].name);
  put("type", filters.type);
  put("branch", filters.branch);
  put("verdict", filters.verdict === "" ? "" : data.verdicts[Number(filters.verdict)]);
  put("failure", filters.failure);
  put("episode", state.episode < 0 ? "" : nameOf(state.episode));
  put("beside", state.beside < 0 ? "" : nameOf(state.beside));
  put("turn", state.turn ? String(state.turn) : "");
  if (state.view !== (said.toString() ? "episodes" : firstView())) said.set("view", state.view);
  return `#${said}`;
}

function keepAddress(step) {
  const address = addressNow();
  if (address === (location.hash || "#")) return;
  history[step ? "pushState" : "replaceState"](null, "", address);
}

// Only what the address says is written into the controls: what stands there else is the reader's, and perhaps not yet applied.
function showFilters() {
  byId("q").value = filters.q;
  byId("deep").checked = filters.deep;
  for (const name of ["run", "type", "branch", "verdict", "failure"]) byId(`f-${name}`).value = filters[name];
}

function showView() {
  for (const view of ["episodes", "tasks", "report"]) {
    byId(`view-${view}`).hidden = state.view !== view;
    byId(`tab-${view}`).setAttribute("aria-pressed", String(state.view === view));
  }
  byId("filters").hidden = state.view === "report";
  const reads = state.view === "episodes" && state.episode >= 0;
  byId("view-episodes").classList.toggle("reading", reads);
  document.body.classList.toggle("reads", reads);
}

async function draw() {
  showView();
  if (state.view === "tasks") {
    fillMatrix();
    drawMatrix();
  }
  if (state.view !== "episodes") return;
  if (state.episode >= 0 && placeOf[state.episode] >= 0) intoSight(placeOf[state.episode]);
  drawList();
  await drawReader();
}

async function drawReader() {
  const reader = byId("reader");
  const pair = `${state.episode} ${state.beside}`;
  if (pair === shownPair) {
    if (state.turn && reader.firstElementChild) for (const box of reader.children) goToTurn(box, state.turn);
    return;
  }
  shownPair = pair;
  reader.classList.toggle("two", state.beside >= 0);
  if (state.episode < 0) {
    reader.ariaBusy = "false";
    reader.replaceChildren(el("div", { class: "transcript" }, el("div", { class: "empty" }, data.count ? "Choose an episode, or press j. Press ? for all keys." : "There is nothing to read: these runs hold no episodes.")));
    return;
  }
  const boxes = [state.episode, ...(state.beside >= 0 ? [state.beside] : [])].map((i, side) => {
    const box = el("article", { class: "transcript", tabindex: "0", "aria-label": `${plain(col.task[i])}, ${plain(runName(i))}` });
    return [box, readInto(box, i, state.turn, actions, side === 1)];
  });
  reader.replaceChildren(...boxes.map(([box]) => box));
  reader.ariaBusy = "true";
  await Promise.all(boxes.map(([, done]) => done));
  if (pair === shownPair) reader.ariaBusy = "false";
  if (state.turn) for (const [box] of boxes) goToTurn(box, state.turn);
}

const actions = {
  open(i) {
    Object.assign(state, { view: "episodes", episode: i, beside: -1, turn: 0 });
    keepAddress(true);
    return draw();
  },
  beside(i) {
    state.beside = i;
    keepAddress(true);
    return draw();
  },
  close() {
    state.beside = -1;
    keepAddress(true);
    return draw();
  },
  back() {
    Object.assign(state, { episode: -1, beside: -1, turn: 0 });
    keepAddress(true);
    byId("list").focus();
    return draw();
  },
  async copy() {
    keepAddress(false);
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link is copied.");
    } catch {
      say("The address of this page is the link.");
    }
  },
};
listActions = { current: () => state.episode, second: () => state.beside, open: actions.open };

let waiting = 0; // the frame in which the filters are applied, 0 for none
let applied = Promise.resolve(); // when the filters applied last are shown

// Typing is followed once a frame.
function filterSoon() {
  byId("list").ariaBusy = "true";
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(filterNow);
}

function filterNow() {
  byId("list").ariaBusy = "true";
  cancelAnimationFrame(waiting);
  waiting = 0;
  const mine = changeFilters().finally(() => {
    if (applied === mine && !waiting) byId("list").ariaBusy = "false";
  });
  applied = mine;
  return mine;
}

// What a key does is done to the list that was asked for before it.
function whenFiltered(act) {
  if (waiting) filterNow();
  if (byId("list").ariaBusy === "true") applied.then(act);
  else act();
}

async function changeFilters() {
  filters.q = byId("q").value;
  filters.deep = byId("deep").checked;
  for (const name of ["run", "type", "branch", "verdict", "failure"]) filters[name] = byId(`f-${name}`).value;
  if (filters.q && !words) await loadWords();
  applyFilters();
  byId("list").scrollTop = 0;
  keepAddress(false);
  await draw();
  startDeep();
}

function startDeep() {
  const find = filters.q.trim().toLowerCase();
  if (!filters.deep || find.length < 2) return;
  searchDeep(find, () => {
    applyFilters();
    if (state.view === "episodes") drawList();
    else draw();
  });
}

function move(by) {
  if (!matching.length) return;
  const at = state.episode < 0 ? -1 : placeOf[state.episode];
  const next = Math.min(matching.length - 1, Math.max(0, at < 0 && Math.abs(by) < Infinity ? 0 : at + by));
  Object.assign(state, { view: "episodes", episode: matching[next], beside: -1, turn: 0 });
  keepAddress(false);
  draw();
}

function nextTurn(by) {
  if (state.episode < 0) return;
  state.turn = Math.min(col.turns[state.episode], Math.max(1, state.turn + by));
  keepAddress(false);
  draw();
}

function nextBeside(by) {
  if (state.episode < 0) return;
  const others = byTask.get(taskKey(state.episode)).filter((i) => i !== state.episode);
  if (!others.length) return say("No other episode of this task.");
  const at = others.indexOf(state.beside);
  actions.beside(others[(at + by + others.length) % others.length]);
}

function changeTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  remember("theme", document.documentElement.dataset.theme);
}

function foldAll() {
  for (const box of byId("reader").children) openFolds(box, !box.querySelector(".turn details.fold:not([open])") ? false : true);
}

const KEYS = [
  ["j", "next episode", () => move(1)],
  ["k", "previous episode", () => move(-1)],
  ["]", "next turn", () => nextTurn(1)],
  ["[", "previous turn", () => nextTurn(-1)],
  ["o", "open or fold everything in the transcript", foldAll],
  ["s", "the same task by another run, side by side", () => nextBeside(1)],
  ["w", "close the other side", () => state.beside >= 0 && actions.close()],
  ["/", "search", () => byId("q").focus()],
  ["e", "episodes", () => turnTo("episodes")],
  ["m", "tasks by run", () => turnTo("tasks")],
  ["r", "report", () => !byId("tab-report").hidden && turnTo("report")],
  ["l", "copy link", () => actions.copy()],
  ["t", "light or dark", changeTheme],
  ["?", "this help", () => byId("help").showModal()],
];

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape") {
    if (typing) {
      event.preventDefault(); // browsers empty a search box, and what is listed would not be what it says
      event.target.blur();
    } else if (state.beside >= 0) actions.close();
    else if (state.episode >= 0) actions.back();
    return;
  }
  if (typing) return;
  if (event.target.id === "list") {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      event.preventDefault();
      whenFiltered(() => move(steps[event.key]));
      return;
    }
    if (event.key === "Enter") byId("reader").focus();
  }
  const found = byId("shortcuts").checked && KEYS.find(([key]) => key === event.key);
  if (found) {
    event.preventDefault();
    whenFiltered(found[2]);
  }
}

// Links inside the report and to the transcript move the focus: the address is taken for what is shown.
function followInside(event, target) {
  if (!target) return;
  event.preventDefault();
  if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
  target.focus();
  target.scrollIntoView();
}

function turnTo(view) {
  state.view = view;
  keepAddress(true);
  draw();
}

function listen() {
  byId("q").addEventListener("input", filterSoon);
  for (const name of ["f-run", "f-type", "f-branch", "f-verdict", "f-failure", "deep"]) byId(name).addEventListener("change", filterNow);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => {
    byId("filters").reset();
    filterNow();
  });
  byId("list").addEventListener("scroll", () => requestAnimationFrame(drawList), { passive: true });
  byId("rows").addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (!row) return;
    const i = Number(row.dataset.i);
    if ((event.shiftKey || event.ctrlKey || event.metaKey) && state.episode >= 0 && i !== state.episode) actions.beside(i);
    else actions.open(i);
  });
  for (const view of ["episodes", "tasks", "report"]) byId(`tab-${view}`).addEventListener("click", () => turnTo(view));
  byId("view-report").addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) followInside(event, byId("view-report").querySelector(`#${CSS.escape(link.getAttribute("href").slice(1))}`));
  });
  document.querySelector(".skip").addEventListener("click", (event) => followInside(event, byId(state.view === "episodes" ? "reader" : `view-${state.view}`)));
  byId("theme").addEventListener("click", changeTheme);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("shortcuts").addEventListener("change", () => remember("shortcuts", byId("shortcuts").checked ? "on" : "off"));
  byId("shortcuts").checked = remember("shortcuts") !== "off";
  for (const [key, what] of KEYS) byId("keys").append(el("tr", {}, el("td", {}, el("kbd", {}, key)), el("td", {}, what)));
  byId("keys").append(el("tr", {}, el("td", {}, el("kbd", {}, "Shift"), " + click"), el("td", {}, "in the list: read side by side")), el("tr", {}, el("td", {}, el("kbd", {}, "Esc")), el("td", {}, "close the other side, then the transcript")));
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", () => draw());
  const back = async () => {
    cancelAnimationFrame(waiting); // what was being typed when the address changed is not asked for any more
    waiting = 0;
    readAddress();
    showFilters();
    if (filters.q) await loadWords();
    applyFilters();
    await draw();
  };
  window.addEventListener("popstate", back);
  window.addEventListener("hashchange", back);
}

async function start() {
  const theme = remember("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old for the page: it can't unpack (DecompressionStream)");
  performance.mark("begun");
  await loadIndex();
  performance.mark("unpacked");
  if (byId("view-report").childElementCount) byId("tab-report").hidden = false;
  byId("title").textContent = data.runs.length === 1 ? plain(data.runs[0].name) : `${data.runs.length} runs`;
  fillFilters();
  readAddress();
  showFilters();
  if (filters.q) await loadWords();
  applyFilters();
  byId("loading").hidden = true;
  listen();
  await draw();
  performance.mark("shown");
  startDeep();
  document.documentElement.dataset.ready = "true";
  if (!words) setTimeout(loadWords, 50);
}

start().catch((error) => {
  byId("loading").hidden = false;
  byId("loading").textContent = `The page can't be shown: ${error.message}`;
});
