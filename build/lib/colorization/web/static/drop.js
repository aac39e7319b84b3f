// Files dropped anywhere on the page, and folders with what is in them.

/** Call `took(files, target)` with the files of each drop; each has `place`, its path inside a dropped folder. */
export function onDrop(took) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  document.addEventListener("dragenter", () => mark(1));
  document.addEventListener("dragleave", () => mark(-1));
  document.addEventListener("dragover", (event) => event.preventDefault()); // else the browser opens them
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    mark(-depth);
    const { items } = event.dataTransfer;
    const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = entries.length ? await inside(entries) : [...event.dataTransfer.files];
    took(files, event.target);
  });
}

async function inside(entries) {
  const files = [];
  for (const entry of entries) {
    if (entry.isDirectory) files.push(...(await inside(await children(entry))));
    else files.push(await file(entry));
  }
  return files.filter(Boolean);
}

/** All entries of a folder; a browser gives them a hundred at a time, and none at the end. */
async function children(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!some.length) return found.sort((one, other) => one.name.localeCompare(other.name));
    found.push(...some);
  }
}

function file(entry) {
  return new Promise((done) =>
    entry.file(
      (one) => done(Object.assign(one, { place: entry.fullPath.replace(/^\//, "") })),
      () => done(null), // it cannot be read
    ),
  );
}
