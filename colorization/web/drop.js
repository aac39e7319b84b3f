// Files dropped where Gradio takes none: a browser would open them and leave the page. They go to the box that they fell on
// if it is one for references or palettes, else they are the next photo.
() => {
  const give = (box, files, patience) => {
    const input = box.querySelector("input[type=file]");
    if (input) {
      const carried = new DataTransfer();
      for (const file of input.multiple ? files : files.slice(0, 1)) carried.items.add(file);
      input.files = carried.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (patience > 0) {  // the box is full: it takes files once it is empty
      box.querySelector("button[aria-label*=lear]")?.click();
      setTimeout(() => give(box, files, patience - 1), 100);
    }
  };
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (event.defaultPrevented || !event.dataTransfer.files.length) return;
    event.preventDefault();
    const box = event.target.closest("#own, #palette") ?? document.querySelector("#photo");
    give(box, [...event.dataTransfer.files], 50);
  });
}
