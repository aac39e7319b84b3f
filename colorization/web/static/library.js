// What references are recommended from, and indexing a folder of this machine for it.

import { find } from "./page.js";
import { ask } from "./requests.js";

const PAUSE = 700; // milliseconds between questions while a folder is being indexed

export function renderLibrary({ index, count, may_index: mayIndex, folder, progress, told, error }) {
  const line = find("#library-told");
  const form = find("#library-form");
  const bar = find("#library-progress");
  form.hidden = bar.hidden = true;
  if (progress) {
    const [done, total] = progress;
    line.textContent = total ? `Indexing: ${done} of ${total} photos. You can go on meanwhile.` : "Indexing: looking for photos.";
    bar.hidden = false;
    bar.max = total || 1;
    if (total) bar.value = done;
    else bar.removeAttribute("value");
    setTimeout(refresh, PAUSE);
    return;
  }
  const has = index ? `They come from your library ${index}: ${count} photos.` : "";
  if (error) line.textContent = has ? `${error.replace(/\.$/, "")}. ${has}` : error;
  else if (index) line.textContent = told || has;
  else if (!mayIndex) line.textContent = "To be recommended color photos, start with: rechroma serve --index FOLDER";
  else {
    line.textContent = "Let Rechroma index your color photos once: then it recommends those that look like the gray one.";
  }
  form.hidden = !mayIndex; // also beside an index: another folder may be what is wanted
  find("#library-form label").textContent = index ? "Recommend from another folder of color photos" : "Folder of color photos";
  if (!index && !find("#library-folder").value) find("#library-folder").value = folder;
}

async function refresh() {
  try {
    renderLibrary((await ask("/api/page")).library);
  } catch {
    setTimeout(refresh, 5 * PAUSE); // the server is away; whatever is asked for next says so
  }
}

export function connectLibrary() {
  find("#library-form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      renderLibrary(await ask("/api/library", { json: { folder: find("#library-folder").value } }));
    } catch (error) {
      find("#library-told").textContent = error.message;
    }
  };
}
