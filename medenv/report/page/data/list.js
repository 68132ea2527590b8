// Filters, and a list of which only the rows in sight exist.
const ROW = 58;
const filters = { q: "", deep: false, run: "", type: "", branch: "", verdict: "", failure: "" };
let matching = new Uint32Array(0);
let placeOf = null; // by episode, its place in the list; -1 where the filters leave it out
let deepHits = new Map(); // by search, the episodes whose responses hold it
let listActions = null;

function countsOf(column, label = (value) => String(value)) {
  const counts = new Map();
  for (const value of column) if (value !== null && value !== "") counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].map(([value, count]) => [value, label(value), count]);
}

function fillSelect(id, all, entries) {
  const select = byId(id);
  select.replaceChildren(el("option", { value: "" }, all));
  for (const [value, label, count] of entries) select.append(el("option", { value: String(value) }, `${plain(label)} (${count.toLocaleString("en")})`));
}

function fillFilters() {
  const sorted = (entries) => entries.sort((one, other) => one[1].localeCompare(other[1], "en", { numeric: true }));
  const none = data.count === 0;
  fillSelect("f-run", "all runs", none ? [] : countsOf(col.run, (one) => data.runs[one].name));
  fillSelect("f-type", "all types", none ? [] : countsOf(col.type, (one) => `${one} ${data.types[one] || ""}`).sort((one, other) => one[0] - other[0]));
  fillSelect("f-branch", "all branches", none ? [] : sorted(countsOf(col.branch)));
  fillSelect("f-verdict", "all verdicts", none ? [] : countsOf(col.verdict, (one) => VERDICT_WORDS[data.verdicts[one]]));
  fillSelect("f-failure", "all failures", none ? [] : sorted(countsOf(col.failure)));
}

// The episodes that fit the filters.
function applyFilters() {
  const find = filters.q.trim().toLowerCase();
  const deep = find && filters.deep ? deepHits.get(find) : null;
  const run = filters.run === "" ? -1 : Number(filters.run);
  const type = filters.type === "" ? -1 : Number(filters.type);
  const verdict = filters.verdict === "" ? -1 : Number(filters.verdict);
  const found = new Uint32Array(data.count);
  placeOf = new Int32Array(data.count).fill(-1);
  let count = 0;
  for (let i = 0; i < data.count; i++) {
    if (run >= 0 && col.run[i] !== run) continue;
    if (type >= 0 && col.type[i] !== type) continue;
    if (verdict >= 0 && col.verdict[i] !== verdict) continue;
    if (filters.branch && col.branch[i] !== filters.branch) continue;
    if (filters.failure && col.failure[i] !== filters.failure) continue;
    if (find && !(words && words[i].includes(find)) && !(deep && deep.has(i))) continue;
    placeOf[i] = count;
    found[count++] = i;
  }
  matching = found.subarray(0, count);
  showCount();
}

function showCount() {
  let solved = 0;
  let scored = 0;
  for (const i of matching) {
    if (col.verdict[i] < 2) scored++;
    if (col.verdict[i] === 0) solved++;
  }
  const number = (one) => one.toLocaleString("en");
  const share = scored ? `, ${number(solved)} of ${number(scored)} scored are solved (${((100 * solved) / scored).toFixed(1)} %)` : "";
  byId("count").textContent = `${number(matching.length)} of ${number(data.count)} episodes${share}`;
}

// Looks into the responses, block by block, and shows what is found as it comes.
let deepNumber = 0;
async function searchDeep(find, done) {
  const mine = ++deepNumber;
  if (deepHits.has(find)) return;
  const hits = new Set();
  deepHits = new Map([[find, hits]]);
  const places = new Map();
  for (let i = 0; i < data.count; i++) {
    const at = places.get(col.block[i]);
    if (at) at.push(i);
    else places.set(col.block[i], [i]);
  }
  let next = 0;
  for (const [number, episodes] of places) {
    const rows = await unpack(`block-${number}`);
    if (mine !== deepNumber) {
      deepHits.delete(find);
      return;
    }
    for (const i of episodes) {
      if (rows[col.place[i]].turns.some((turn) => turn.observation && turn.observation.toLowerCase().includes(find))) hits.add(i);
    }
    if (++next % 8 === 0 || next === places.size) {
      done();
      byId("count").textContent += next < places.size ? ` · responses searched: ${Math.round((100 * next) / places.size)} %` : "";
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

function rowOf(i, place) {
  const name = verdictName(i);
  const chosen = i === listActions.current();
  const out = el("div", { class: "row", role: "option", id: `row-${i}`, "aria-selected": String(chosen), "aria-setsize": matching.length, "aria-posinset": place + 1, "data-i": i });
  out.style.top = `${place * ROW}px`;
  out.append(
    el("span", { class: `glyph v-${name}`, title: VERDICT_WORDS[name], role: "img", "aria-label": VERDICT_WORDS[name] }, GLYPHS[name]),
    el("span", { class: "what" }, el("bdi", {}, plain(col.task[i])), " ", el("span", { class: "soft" }, plain(data.types[col.type[i]] || ""))),
    el("span", { class: "turns" }, i === listActions.second() ? el("span", { class: "beside" }, "beside ") : "", `${col.turns[i]} turn${col.turns[i] === 1 ? "" : "s"}`),
    el("span", { class: "more" }, el("bdi", {}, plain(runName(i))), col.branch[i] ? ` · ${plain(col.branch[i])}` : "", name === "failed" && col.failure[i] ? ` · ${plain(col.failure[i])}` : "", col.sample[i] ? ` · sample ${col.sample[i]}` : ""),
  );
  return out;
}

function drawList() {
  const list = byId("list");
  const rows = byId("rows");
  rows.style.height = `${matching.length * ROW}px`;
  if (!matching.length) {
    const why = data.count ? "No episode fits the filters." : "These runs hold no episodes.";
    rows.replaceChildren(el("p", { class: "empty", role: "option", "aria-disabled": "true", "aria-selected": "false" }, why));
    rows.style.height = "auto";
    list.removeAttribute("aria-activedescendant");
    return;
  }
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 6);
  const last = Math.min(matching.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 6);
  const made = [];
  for (let place = first; place < last; place++) made.push(rowOf(matching[place], place));
  rows.replaceChildren(...made);
  const current = listActions.current();
  if (current >= 0 && byId(`row-${current}`)) list.setAttribute("aria-activedescendant", `row-${current}`);
  else list.removeAttribute("aria-activedescendant");
}

function intoSight(place) {
  const list = byId("list");
  const top = place * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
}
