// Making elements; text only ever gets into them as text.
function el(tag, attributes = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) found.addEventListener(name.slice(2), value);
    else if (name === "class") found.className = value;
    else found.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) found.append(child);
  return found;
}

// Characters that are not seen, or that turn the direction of what follows, are shown by their code.
const ODD = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB]/;
const ODD_ALL = new RegExp(ODD.source, "g");
const codeOf = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

function plain(text) {
  return ODD.test(text) ? text.replace(ODD_ALL, codeOf) : text;
}

function shown(text, find = "") {
  const out = document.createDocumentFragment();
  const put = (part) => {
    let from = 0;
    for (const match of part.matchAll(ODD_ALL)) {
      out.append(part.slice(from, match.index), el("span", { class: "odd-char" }, codeOf(match[0])));
      from = match.index + match[0].length;
    }
    out.append(part.slice(from));
  };
  text = String(text);
  if (!find) {
    put(text);
    return out;
  }
  const low = text.toLowerCase();
  if (low.length !== text.length) {
    put(text);
    return out;
  }
  let from = 0;
  for (let at = low.indexOf(find); at >= 0; at = low.indexOf(find, from)) {
    put(text.slice(from, at));
    out.append(el("mark", {}, plain(text.slice(at, at + find.length))));
    from = at + find.length;
  }
  put(text.slice(from));
  return out;
}

const fold = (title, make, open = false) => {
  const found = el("details", { class: "fold" }, el("summary", {}, title));
  const fill = () => {
    if (found.childElementCount === 1) found.append(make());
  };
  found.addEventListener("toggle", () => found.open && fill());
  if (open) {
    fill();
    found.open = true;
  }
  return found;
};

let saidTimer = 0;
function say(text) {
  const toast = byId("said");
  toast.textContent = text;
  toast.classList.add("on");
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => toast.classList.remove("on"), 2500);
}

function remember(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`medenv-${name}`);
    localStorage.setItem(`medenv-${name}`, value);
  } catch {
    // a page from a file may have no storage
  }
  return null;
}
