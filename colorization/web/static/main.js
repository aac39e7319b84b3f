// Where to: the start, one photo, or several. The address tells which, for Back, Reload and bookmarks.

import { onDrop } from "./drop.js";
import { Editor, taken } from "./editor.js";
import { connectLibrary, renderLibrary } from "./library.js";
import { find, make, quiet, show, tell } from "./page.js";
import { Queue } from "./queue.js";
import { ask, form } from "./requests.js";

const GONE = 404; // of HTTP: what was asked for is not kept any more

const editor = new Editor();
const queue = new Queue();
let page = { accept: [], queued_photos: 0 };
let routes = 0; // how often something was asked for: what comes after something newer is not shown

async function route() {
  const own = ++routes;
  const asked = new URLSearchParams(location.hash.slice(1));
  const name = asked.get("photo");
  const inQueue = asked.get("queue") ?? asked.get("photos");
  Object.assign(find("#to-queue"), { hidden: !name || !inQueue, href: `#photos=${inQueue}` });
  if (name && name === editor.photo?.name) return show("editor");
  const settled = editor.leave();
  try {
    if (name) await editor.open({ path: `/api/photos/${name}` }, null, asked.get("queue") ?? "");
    else if (asked.get("photos")) await queue.open(asked.get("photos"), settled, () => own === routes);
    else start();
  } catch (error) {
    if (error.name === "AbortError" || own !== routes) return;
    if (error.status === GONE) history.replaceState(null, "", "#"); // else it is there once the page is loaded again
    start();
    tell([error.message]);
  }
}

function start() {
  show("start");
  document.title = "Rechroma";
}

/** Open one photo. The address changes first, so that Back leads out of a photo that takes long. */
async function open(request, file) {
  routes += 1;
  history.pushState(null, "", "#opening");
  find("#to-queue").hidden = true;
  quiet();
  try {
    history.replaceState(null, "", `#photo=${await editor.open(request, file)}`);
  } catch (error) {
    if (error.name === "AbortError") return; // Back, or another photo
    await back();
    tell([error.message]);
  }
}

/** To where we were, once the browser is there. */
function back() {
  return new Promise((done) => {
    addEventListener("popstate", () => setTimeout(done), { once: true });
    history.back();
  });
}

async function take(files, target = document.body) {
  await ready; // what is chosen while the page still loads opens after it
  if (!files.length) return tell(["There is no file in what was dropped."]);
  const part = editor.photo && target.closest?.("#references, #palette")?.id;
  if (part === "references") return editor.bring(files);
  if (part === "palette") return editor.takePalette(files);
  if (files.length === 1) return open({ path: "/api/photos", form: form("photo", files) }, files[0]);
  try {
    quiet();
    const name = await queue.begin(files, { accept: page.accept, most: page.queued_photos });
    location.hash = `photos=${name}`;
    await queue.run();
  } catch (error) {
    tell([error.message]);
  }
}

async function begin() {
  try {
    page = await ask("/api/page");
    renderStart();
    await route();
  } catch (error) {
    tell([error.message]);
  }
}

function renderStart() {
  for (const id of ["#choose", "#own", "#palette-file"]) find(id).accept = page.accept.join();
  const names = new Set(page.accept.map((suffix) => suffix.slice(1).toUpperCase().replace("JPG", "JPEG").replace(/^TIF$/, "TIFF")));
  find("#formats").textContent = `${["JPEG", "PNG", "TIFF", "WebP", "AVIF", "HEIC"].filter((one) => names.has(one.toUpperCase())).join(", ")} and more`;
  const buttons = Object.entries(page.examples).map(([name, label]) =>
    make(
      "button",
      { onclick: () => open({ path: `/api/examples/${name}`, json: {} }, null) },
      make("img", { src: `/api/examples/${name}`, alt: "" }),
      make("span", { text: label }),
    ),
  );
  find("#examples").replaceChildren(...buttons);
  renderLibrary(page.library);
  if (!page.library.may_index) find("#privacy").textContent = "Your photos stay on the computer that Rechroma runs on.";
}

const ready = begin();
find("#choose").onchange = (event) => take(taken(event.target));
onDrop(take);
connectLibrary();
addEventListener("popstate", route);
addEventListener("beforeunload", (event) => {
  if (editor.saving || queue.running) event.preventDefault(); // the browser asks whether to leave
});
