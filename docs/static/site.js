// What scrolls can be scrolled by keyboard, in browsers that do not see to it themselves.
const SCROLLING = "pre, .math-wrapper, .table-wrapper, .text_html, .cell_output:has(> img)";
function makeScrollingFocusable() {
  for (const region of document.querySelectorAll(SCROLLING)) {
    const [wide, high] = [region.scrollWidth > region.clientWidth, region.scrollHeight > region.clientHeight];
    region.tabIndex = wide || high ? 0 : -1;
  }
}
// A picture that is too wide shrinks a little, and beyond that it scrolls. A graph that runs down
// opens at its middle, where its result is; whatever else is read from the left opens there.
function showPictures() {
  for (const region of document.querySelectorAll(".cell_output:has(> img)")) {
    const image = region.querySelector("img");
    image.style.maxWidth = `max(100%, ${0.8 * image.naturalWidth}px)`;
    const hidden = region.scrollWidth - region.clientWidth;
    if (hidden > 0 && !region.onscroll) {
      region.onscroll = () => sayWhereMoreIs(region);
      if (image.naturalHeight > image.naturalWidth) region.scrollLeft = hidden / 2;
    }
    sayWhereMoreIs(region);
  }
}

function sayWhereMoreIs(region) {
  const right = region.scrollWidth - region.clientWidth - region.scrollLeft;
  region.style.setProperty("--left", `${region.scrollLeft}px`);
  region.style.setProperty("--right", `${right}px`);
}

function fit() {
  showPictures();
  makeScrollingFocusable();
}
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  fit();
});
addEventListener("resize", fit);
// What is folded has no width until it is opened.
addEventListener("toggle", fit, { capture: true });

// A page that was opened as a file may not read other files, so the search shows titles alone.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
