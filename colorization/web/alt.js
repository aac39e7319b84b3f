// Gradio marks pictures as ornaments, with empty alternative texts; screen readers pass such pictures over.
() => {
  const texts = {
    "#slider img": ["The gray photo", "The photo in color"],
    "#picture img": ["The photo in color, to click a place of"],
  };
  const describe = () => {
    for (const [pictures, ofEach] of Object.entries(texts)) {
      document.querySelectorAll(pictures).forEach((picture, i) => {
        picture.alt = ofEach[i] ?? "";
      });
    }
  };
  new MutationObserver(describe).observe(document.body, { childList: true, subtree: true });
  describe();
}
