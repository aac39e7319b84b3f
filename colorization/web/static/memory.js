// What was wished for a photo, kept by this browser: whoever opens the same file on another day goes on with it.
// References and palettes are files, which only the visitor has.

export const SLIDERS = ["saturation", "vividness", "faithfulness"];

const KEY = "rechroma";
const MOST = 300; // photos, the latest

/** The wishes for a photo, or null. */
export function recall(content) {
  return all().find((one) => one.content === content)?.wishes ?? null;
}

/** Keep the wishes of a view, or forget them where they are what every photo begins with. */
export function remember(view) {
  if (!view.can_undo && !view.can_redo) return; // nothing was done yet
  const others = all().filter((one) => one.content !== view.content);
  if (view.is_changed) {
    const names = ["points", "closer", ...SLIDERS];
    others.push({ content: view.content, wishes: Object.fromEntries(names.map((name) => [name, view[name]])) });
  }
  try {
    localStorage.setItem(KEY, JSON.stringify(others.slice(-MOST)));
  } catch {
    // a browser that keeps nothing, or has no room
  }
}

function all() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}
