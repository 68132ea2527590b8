// Each task over the runs: a matrix of which only the rows in sight exist.
const LINE = 38;
const CELL_MARKS = 8;
let matrixRows = [];

function fillMatrix() {
  const rows = new Map();
  for (const i of matching) {
    const key = taskKey(i);
    let row = rows.get(key);
    if (!row) rows.set(key, (row = { first: i, cells: new Map() }));
    const cell = row.cells.get(col.run[i]);
    if (cell) cell.push(i);
    else row.cells.set(col.run[i], [i]);
  }
  matrixRows = [...rows.values()];
}

function drawMatrix() {
  const box = byId("matrix");
  const runs = data.runs.map((_, at) => at).filter((at) => filters.run === "" || Number(filters.run) === at);
  const template = `minmax(13rem, 1.4fr) repeat(${runs.length}, minmax(8.5rem, 1fr))`;
  const width = `max(100%, ${13 + 8.5 * runs.length}rem)`;
  const head = el("div", { class: "head" }, el("span", {}, `${matrixRows.length.toLocaleString("en")} tasks`), runs.map((run) => el("span", { title: plain(data.runs[run].name) }, el("bdi", {}, plain(data.runs[run].name)))));
  const body = el("div", { class: "body" });
  head.style.gridTemplateColumns = template;
  head.style.width = body.style.width = width;
  body.style.height = `${matrixRows.length * LINE}px`;
  box.replaceChildren(head, body);
  const draw = () => {
    const first = Math.max(0, Math.floor((box.scrollTop - 44) / LINE) - 6);
    const last = Math.min(matrixRows.length, Math.ceil((box.scrollTop + box.clientHeight) / LINE) + 6);
    const made = [];
    for (let at = first; at < last; at++) made.push(matrixLine(matrixRows[at], runs, template, width, at));
    body.replaceChildren(...made);
  };
  box.onscroll = () => requestAnimationFrame(draw);
  draw();
}

function matrixLine(row, runs, template, width, at) {
  const label = `${plain(col.task[row.first])} `;
  const out = el("div", { class: "line" }, el("span", {}, el("bdi", {}, label), el("span", { class: "soft" }, plain(data.types[col.type[row.first]] || ""))));
  for (const run of runs) {
    const all = row.cells.get(run) || [];
    const marks = all.slice(0, CELL_MARKS).map((i) => {
      const name = verdictName(i);
      return el("button", { type: "button", class: `glyph v-${name}`, "aria-label": `${label}${plain(runName(i))}: ${VERDICT_WORDS[name]}`, onclick: () => listActions.open(i) }, GLYPHS[name]);
    });
    out.append(el("span", { class: "cell" }, marks, all.length > CELL_MARKS ? `+${all.length - CELL_MARKS}` : ""));
  }
  out.style.gridTemplateColumns = template;
  out.style.width = width;
  out.style.top = `${at * LINE}px`;
  return out;
}
