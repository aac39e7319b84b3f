// Enough of a browser to press keys in the page of a study: elements by id, storage, and what it
// downloads. Arguments: the keys, and what the storage holds; on standard input: the study and the
// code of the page.
const elements = {}, listeners = {}, kept = JSON.parse(process.argv[3] || "{}");
let downloaded = null;
const element = (id) => elements[id] ||= { id, textContent: "", hidden: false, disabled: false, handlers: {}, img: { src: "" },
  addEventListener(kind, call) { this.handlers[kind] = call; }, querySelector() { return this.img; }, focus() {},
  click(detail = 1) { if (this.handlers.click && !this.disabled) this.handlers.click({ detail }); }, append() {}, remove() {} };
globalThis.document = { getElementById: element, createElement: () => element("link"), body: element("body"),
  addEventListener: (kind, call) => { listeners[kind] = call; } };
globalThis.window = { scrollTo() {} };
globalThis.confirm = () => true;
globalThis.setTimeout = () => 0;
globalThis.localStorage = { getItem: (key) => { if (kept.broken) throw Error("none"); return kept[key] ?? null; },
  setItem: (key, value) => { if (kept.broken) throw Error("none"); kept[key] = value; } };
globalThis.Blob = class { constructor(parts) { downloaded = JSON.parse(parts[0]); } };
URL.createObjectURL = () => "blob:";
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
element("study").textContent = JSON.stringify(input.study);
(0, eval)(input.code);
for (const key of JSON.parse(process.argv[2])) {
  if (key.startsWith("##")) [1, 2].forEach((detail) => element(key.slice(2)).click(detail));
  else if (key.startsWith("#")) element(key.slice(1)).click();
  else listeners.keydown({ key, preventDefault() {} });
}
const told = Object.fromEntries(["question", "status", "score", "note"].map((id) => [id, element(id).textContent]));
const shown = [elements.a.img.src, elements.b.img.src];
console.log(JSON.stringify({ ...told, kept, downloaded, shown, over: element("trial").hidden, value: element("progress").value,
  wilson: [[0, 0], [0, 9], [3, 9], [9, 9], [8, 10]].map(([k, n]) => (0, eval)("wilson")(k, n)) }));
