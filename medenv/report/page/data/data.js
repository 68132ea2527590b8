// What the page holds: blocks of deflated JSON in base64, unpacked when they are needed.
const byId = (id) => document.getElementById(id);

// The blocks of transcripts stand behind the script, so that the list needn't wait for them.
const whole = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", () => resolve());
});

async function unpack(id) {
  if (!byId(id)) await whole;
  const text = byId(id).textContent;
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

const KEPT = 12; // unpacked blocks: some megabytes each
const blocks = new Map();

function block(number) {
  let found = blocks.get(number);
  if (found) blocks.delete(number);
  else found = unpack(`block-${number}`);
  blocks.set(number, found);
  for (const old of blocks.keys()) {
    if (blocks.size <= KEPT) break;
    blocks.delete(old);
  }
  return found;
}

let data = null; // the index
let col = {}; // its columns
let words = null; // texts to search in, once they are unpacked
let byTask = new Map(); // episodes of a task, over all runs

async function transcriptOf(i) {
  const found = (await block(col.block[i]))[col.place[i]];
  if (Array.isArray(found.prompt)) {
    const [shared, length, rest] = found.prompt;
    found.prompt = shared < 0 ? rest : Array.from(data.shared[shared]).slice(0, length).join("") + rest;
  }
  return found;
}

async function loadIndex() {
  data = await unpack("index");
  col = data.columns;
  for (let i = 0; i < data.count; i++) {
    const key = taskKey(i);
    const same = byTask.get(key);
    if (same) same.push(i);
    else byTask.set(key, [i]);
  }
}

async function loadWords() {
  if (!words) words = await unpack("words");
  return words;
}

const taskKey = (i) => `${col.split[i]}/${col.task[i]}`;
const runName = (i) => data.runs[col.run[i]].name;
const verdictName = (i) => data.verdicts[col.verdict[i]];
const nameOf = (i) => [runName(i), col.task[i], col.sample[i], col.seed[i], col.line[i]].map(encodeURIComponent).join("/");

const byName = new Map();
function indexOfName(name) {
  if (!byName.size) for (let i = 0; i < data.count; i++) byName.set(nameOf(i), i);
  return byName.has(name) ? byName.get(name) : -1;
}

const VERDICT_WORDS = { solved: "solved", failed: "failed", error: "infrastructure error", ungraded: "not graded" };
const GLYPHS = { solved: "✓", failed: "✗", error: "!", ungraded: "?" };
